// The bodies of Asio, with its TLS, and of Beast; the other files only declare them. Nothing of the project is in here.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
