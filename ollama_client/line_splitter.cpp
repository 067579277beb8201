#include "ollama_client/line_splitter.hpp"

namespace clawgate::ollama {

namespace {

constexpr std::string_view white_space{" \t\r\n"};

bool is_blank(std::string_view line) {
    return line.find_first_not_of(white_space) == std::string_view::npos;
}

} // namespace

result<std::optional<std::string_view>> line_splitter::next() {
    for (;;) {
        if (returned_) held_.clear();
        returned_ = false;
        const auto end = piece_.find('\n');
        const auto length = end == std::string_view::npos ? piece_.size() : end;
        if (broken_ || length > limit_ - held_.size()) {
            broken_ = true;
            return error{errc::bad_upstream, fault::upstream, retry::never,
                         "a line of more than " + std::to_string(limit_) + " bytes"};
        }
        if (end == std::string_view::npos) {
            held_.append(piece_);
            piece_ = {};
            return std::optional<std::string_view>{};
        }
        auto line = piece_.substr(0, end);
        piece_.remove_prefix(end + 1);
        if (!held_.empty()) {
            held_.append(line);
            returned_ = true;
            line = held_;
        }
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (!is_blank(line)) return std::optional{line};
    }
}

std::string_view line_splitter::rest() const noexcept {
    return returned_ || is_blank(held_) ? std::string_view{} : std::string_view{held_};
}

} // namespace clawgate::ollama
