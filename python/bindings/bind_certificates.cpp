// CertificateAuthority: certificates for trying things out, as PEM texts.
#include <pybind11/stl.h>

#include <chrono>
#include <utility>

#include "core/net/certificates.hpp"
#include "python/bindings/module.hpp"

namespace mqtt_sim::bindings {
namespace py = pybind11;

namespace {

using Pems = std::pair<std::string, std::string>;  // certificate and key

Pems pems_of(const net::KeyPair& pair) { return {pair.certificate_pem, pair.key_pem}; }

net::Validity validity_of(int64_t not_before_s, int64_t not_after_s) {
  const auto time_of = [](int64_t at_s) { return std::chrono::system_clock::time_point(std::chrono::seconds(at_s)); };
  return {time_of(not_before_s), time_of(not_after_s)};
}

Pems issue(const net::CertificateAuthority& authority, const std::string& common_name,
           const std::vector<std::string>& names, bool is_server, int64_t not_before_s, int64_t not_after_s) {
  const auto issued = authority.issue({common_name, names, is_server, validity_of(not_before_s, not_after_s)});
  if (!issued) raise_run_error("certificate", issued.error().text);
  return pems_of(*issued);
}

}  // namespace

void bind_certificates(py::module_& module) {
  py::class_<net::CertificateAuthority>(module, "CertificateAuthority",
                                        "Issues certificates. Times are seconds since 1970.")
      .def(py::init([](const std::string& common_name, int64_t not_before_s, int64_t not_after_s) {
             return net::CertificateAuthority::make(common_name, validity_of(not_before_s, not_after_s));
           }),
           py::arg("common_name"), py::arg("not_before_s"), py::arg("not_after_s"),
           "The common name has 1 to 64 bytes; other values of any argument end the process.")
      .def(
          "own", [](const net::CertificateAuthority& authority) { return pems_of(authority.own()); },
          "Its own certificate and key.")
      .def("issue", &issue, py::arg("common_name"), py::arg("names"), py::arg("is_server"), py::arg("not_before_s"),
           py::arg("not_after_s"), "Certificate and key. Raises RunError for what no certificate can hold.");
}

}  // namespace mqtt_sim::bindings
