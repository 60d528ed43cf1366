// The one place where the bodies of Asio are compiled; everywhere else its headers only declare.
#include <boost/asio/impl/src.hpp>
