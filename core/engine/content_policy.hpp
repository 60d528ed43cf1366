// The Content-Security-Policy of the crawl page: everything from this server only; connections to it, and as far as the
// page's address names one, to another broker. A pure function.
#pragma once

#include <string>
#include <string_view>

namespace mqtt_sim::engine {

// `host` is the request's own Host, `query` that of its target, as sent. Another broker that the query names is allowed
// on the host of the page; elsewhere only with `allows_others`. What is not plainly a host is left out.
std::string content_security_policy(std::string_view host, std::string_view query, bool allows_others);

}  // namespace mqtt_sim::engine
