// The one place where the bodies of Asio and Beast are compiled; everywhere else their headers only declare.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
