# Header-only libraries come as PyPI packages (see pyproject.toml, build-system.requires). They carry no CMake files, so ask
# the building interpreter where they lie; find_spec does not import them. -Dboost_INCLUDE_DIR=/-Dnlohmann_INCLUDE_DIR= override.
function(find_header_package target module subdirectory probe)
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c
      "import importlib.util as u; s = u.find_spec('${module}'); print(list(s.submodule_search_locations)[0] if s else '')"
    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_path(${target}_INCLUDE_DIR ${probe} HINTS "${root}/${subdirectory}")
  if(NOT ${target}_INCLUDE_DIR)
    message(FATAL_ERROR "${probe} not found: install the Python package '${module}' into ${Python_EXECUTABLE}'s environment, "
                        "or pass -D${target}_INCLUDE_DIR=<directory>")
  endif()
  add_library(third_party_${target} INTERFACE)
  target_include_directories(third_party_${target} SYSTEM INTERFACE ${${target}_INCLUDE_DIR})
endfunction()

find_header_package(boost libboost_headers include boost/mqtt5.hpp)
find_header_package(nlohmann nlohmann_json include nlohmann/json.hpp)
target_compile_definitions(third_party_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

find_package(OpenSSL 3.0 QUIET)
if(NOT OpenSSL_FOUND)
  message(FATAL_ERROR "OpenSSL 3 headers not found: install them with 'apt-get install libssl-dev' (Debian, Ubuntu), "
                      "'dnf install openssl-devel' (Fedora) or 'brew install openssl' (macOS), then try again.")
endif()
