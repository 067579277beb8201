#include "core/error.hpp"

#include <stdexcept>

namespace clawgate {

std::string_view to_string(errc c) noexcept {
    switch (c) {
    case errc::bad_request: return "bad_request";
    case errc::too_large: return "too_large";
    case errc::unauthorized: return "unauthorized";
    case errc::forbidden: return "forbidden";
    case errc::locked_out: return "locked_out";
    case errc::not_found: return "not_found";
    case errc::timeout: return "timeout";
    case errc::closed: return "closed";
    case errc::unreachable: return "unreachable";
    case errc::bad_upstream: return "bad_upstream";
    case errc::canceled: return "canceled";
    case errc::invalid_config: return "invalid_config";
    case errc::io: return "io";
    case errc::corrupt: return "corrupt";
    }
    return "unknown";
}

std::string_view to_string(fault f) noexcept {
    switch (f) {
    case fault::client: return "client";
    case fault::upstream: return "upstream";
    case fault::gateway: return "gateway";
    }
    return "unknown";
}

void throw_exception_from_error(const error& e, const boost::source_location&) {
    throw std::runtime_error{std::string{to_string(e.code)} + ": " + e.detail};
}

} // namespace clawgate
