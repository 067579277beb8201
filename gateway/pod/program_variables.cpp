#include "pod/program_variables.hpp"

#include <algorithm>

namespace clawgate::pod {

void pass_on(variables& to, const environment& process, std::initializer_list<std::string_view> names) {
    for (const auto name : names) {
        const auto found = process.find(name);
        if (found == process.end()) continue;
        const auto& value = found->second;
        if (std::all_of(value.begin(), value.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; }))
            to.emplace_back(found->first, value);
    }
}

std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

} // namespace clawgate::pod
