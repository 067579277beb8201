#include "pod/snapshot_record.hpp"

#include "core/file.hpp"
#include "pod/snapshot.hpp"

#include <nlohmann/json.hpp>

namespace clawgate::pod {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

snapshot_record read_record(const std::string& local) {
    const auto text = read_file(local + "/" + record_name, 4096);
    if (!text) return {};
    const auto object = json::parse(*text, nullptr, false);
    if (!object.is_object()) return {};
    return {text_at(object, "base"), text_at(object, "taking"), text_at(object, "fingerprint")};
}

result<void> write_record(const std::string& local, const snapshot_record& r) {
    const json object{{"base", r.base}, {"taking", r.taking}, {"fingerprint", r.fingerprint}};
    return write_file_atomically(local + "/" + record_name,
                                 object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n", 0600);
}

} // namespace clawgate::pod
