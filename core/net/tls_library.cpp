#include "core/net/tls_library.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace mqtt_sim::net {
namespace {

constexpr const char* kProvider = "mqtt-sim-tls";
// Which of OpenSSL's names for one algorithm comes first.
constexpr std::array<std::string_view, 5> kSigningKeys = {"EC", "ED25519", "ED448", "RSA", "RSA-PSS"};
// Of ciphers, by what stands in their names: those of TLS 1.2 and 1.3, and that of the random numbers.
constexpr std::array<std::string_view, 6> kCipherMarks = {"-GCM", "-CCM", "-CBC", "Poly1305", "NULL", "AES-256-CTR"};

std::string_view first_name(const OSSL_ALGORITHM& algorithm) {
  const std::string_view names(algorithm.algorithm_names);
  return names.substr(0, names.find(':'));
}

bool reads_key_of_certificate(const OSSL_ALGORITHM& decoder) {
  const std::string_view what(decoder.property_definition);
  return what.find("input=der") != what.npos && what.find("structure=SubjectPublicKeyInfo") != what.npos &&
         std::ranges::find(kSigningKeys, first_name(decoder)) != kSigningKeys.end();
}

bool is_cipher_of_tls(const OSSL_ALGORITHM& cipher) {
  const std::string_view names(cipher.algorithm_names);
  return std::ranges::any_of(kCipherMarks, [&](std::string_view mark) { return names.find(mark) != names.npos; });
}

// The default provider as our library context sees it. OpenSSL hands its functions the context of the default provider
// itself, so what they refer to lies here.
struct Selection {
  OSSL_PROVIDER* whole = nullptr;
  std::vector<OSSL_DISPATCH> functions;
  std::vector<OSSL_ALGORITHM> decoders;
  std::vector<OSSL_ALGORITHM> ciphers;
};

Selection& selection() {
  static Selection& only = *new Selection;  // threads that end late still ask for it
  return only;
}

std::vector<OSSL_ALGORITHM> select(OSSL_PROVIDER* whole, int operation, bool (*is_wanted)(const OSSL_ALGORITHM&)) {
  std::vector<OSSL_ALGORITHM> wanted;
  int ignored = 0;
  const OSSL_ALGORITHM* each = OSSL_PROVIDER_query_operation(whole, operation, &ignored);
  for (; each && each->algorithm_names; ++each) {
    if (is_wanted(*each)) wanted.push_back(*each);
  }
  wanted.push_back({});
  return wanted;
}

const OSSL_ALGORITHM* on_query(void*, int operation, int* is_not_to_be_cached) {
  const Selection& all = selection();
  *is_not_to_be_cached = 0;
  switch (operation) {
    case OSSL_OP_DECODER: return all.decoders.data();
    case OSSL_OP_CIPHER: return all.ciphers.data();
    case OSSL_OP_ENCODER:
    case OSSL_OP_STORE: return nullptr;
    default: return OSSL_PROVIDER_query_operation(all.whole, operation, is_not_to_be_cached);
  }
}

int on_load(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions, void** context) {
  Selection& all = selection();
  for (const OSSL_DISPATCH* each = OSSL_PROVIDER_get0_dispatch(all.whole); each->function_id != 0; ++each) {
    if (each->function_id == OSSL_FUNC_PROVIDER_TEARDOWN) continue;
    const bool asks = each->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION;
    all.functions.push_back(asks ? OSSL_DISPATCH{each->function_id, reinterpret_cast<void (*)()>(on_query)} : *each);
  }
  all.functions.push_back({});
  *functions = all.functions.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(all.whole);
  return 1;
}

bool looks_through_everything() {
  return OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;  // later ones remember what they found
}

// Whether OpenSSL is as it comes: algorithms are the default provider's, whatever stands beside it for other ends.
bool is_as_it_comes() {
  if (EVP_default_properties_is_fips_enabled(nullptr)) return false;
  bool has_only_usual = true;
  OSSL_PROVIDER_do_all(
      nullptr,
      [](OSSL_PROVIDER* provider, void* only_usual) {
        const std::string_view name(OSSL_PROVIDER_get0_name(provider));
        if (name != "default" && name != "legacy" && name != "base") *static_cast<bool*>(only_usual) = false;
        return 1;
      },
      &has_only_usual);
  return has_only_usual;
}

OSSL_LIB_CTX* make_library() {
  if (!looks_through_everything() || !is_as_it_comes()) return nullptr;
  Selection& all = selection();
  all.whole = OSSL_PROVIDER_try_load(nullptr, "default", 1);  // 1: it stays a fallback, as it was
  if (!all.whole) return nullptr;
  all.decoders = select(all.whole, OSSL_OP_DECODER, reads_key_of_certificate);
  all.ciphers = select(all.whole, OSSL_OP_CIPHER, is_cipher_of_tls);

  OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
  if (library && OSSL_PROVIDER_add_builtin(library, kProvider, on_load) && OSSL_PROVIDER_load(library, kProvider)) {
    return library;
  }
  OSSL_LIB_CTX_free(library);
  return nullptr;
}

}  // namespace

OSSL_LIB_CTX* tls_library() {
  static OSSL_LIB_CTX* const library = [] {
    OSSL_LIB_CTX* made = make_library();
    ERR_clear_error();
    return made;
  }();
  return library;
}

}  // namespace mqtt_sim::net
