#include "ollama_client/json_fields.hpp"
#include "ollama_client/translation.hpp"

namespace clawgate::ollama {

namespace {

const char* openai_type(int status) {
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
    }
}

const char* anthropic_type(int status) {
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 503:
    case 529: return "overloaded_error";
    case 504: return "timeout_error";
    default: return status < 500 ? "invalid_request_error" : "api_error";
    }
}

} // namespace

std::string dialect_error(dialect d, int status, std::string_view message) {
    ordered_json out;
    if (d == dialect::openai) {
        auto& e = out["error"];
        e["message"] = message;
        e["type"] = openai_type(status);
        e["param"] = nullptr;
        e["code"] = nullptr;
    } else {
        out["type"] = "error";
        out["error"]["type"] = anthropic_type(status);
        out["error"]["message"] = message;
    }
    return dump(out);
}

} // namespace clawgate::ollama
