#include "ollama_client/pruning.hpp"

#include "ollama_client/surrogates.hpp"

#include <algorithm>
#include <numeric>

namespace clawgate::ollama {

namespace {

// Both are JSON text, and ASCII.
constexpr std::string_view cleared_content{"\"[Old tool result, removed to save context]\""};
std::string left_out(std::size_t characters) {
    return "\\n[... " + std::to_string(characters) + " characters left out to save context ...]\\n";
}

/// What a picture counts as: about a thousand tokens, however many megabytes its base64 has.
constexpr std::size_t bytes_of_an_image = 4096;
/// A result is shortened only where at least so many characters fall away.
constexpr std::size_t least_left_out = 500;

constexpr std::size_t longest_character = 12; // a pair of escaped surrogates

/// A place between two characters of the inside of a JSON string. A pair of surrogates is one character.
struct text_cursor {
    std::string_view text;
    std::size_t at = 0;
    std::size_t characters = 0; ///< before `at`

    void step() noexcept {
        const auto first = static_cast<unsigned char>(text[at]);
        ++characters;
        if (first == '\\')
            at = std::min(at + escape_bytes(), text.size());
        else if (first < 0x80)
            ++at;
        else
            at = std::min(at + (first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4), text.size());
    }
    void advance(std::size_t count) noexcept {
        for (; count > 0 && at < text.size(); --count)
            step();
    }
    /// To the first place at or behind `offset`.
    void move_to(std::size_t offset) noexcept {
        while (at < std::min(offset, text.size()))
            step();
    }

private:
    [[nodiscard]] std::size_t escape_bytes() const noexcept {
        const auto rest = text.substr(at);
        if (rest.size() < 2 || rest[1] != 'u') return 2;
        return escaped_pair(rest) != 0 ? longest_character : 6;
    }
};

/// The middle of a content that is left out, as offsets into its inside.
struct gap {
    std::size_t begin = 0;
    std::size_t end = 0; ///< begin == end: the content stays whole
    std::size_t characters = 0;

    [[nodiscard]] std::size_t saving() const {
        return begin == end ? 0 : end - begin - left_out(characters).size();
    }
};

gap gap_of(std::string_view inside, std::size_t head, std::size_t tail) {
    gap g;
    if (inside.size() < head + tail + least_left_out) return g;
    text_cursor c;
    c.text = inside;
    c.advance(head);
    const auto begin = c.at;
    // One pass over what may be megabytes: from here on it is at least `tail` characters to the end.
    c.move_to(inside.size() - std::min(inside.size(), (tail + 1) * longest_character));
    auto end = c;
    c.move_to(inside.size());
    if (c.characters < head + tail + least_left_out) return g;
    end.advance(c.characters - tail - end.characters);
    g.begin = begin;
    g.end = end.at;
    g.characters = c.characters - head - tail;
    return g;
}

/// The policy in bytes of the prompt.
struct byte_limits {
    std::size_t trim_above = 0;
    std::size_t trim_down_to = 0;
    std::size_t clear_above = 0;
    std::size_t clear_down_to = 0;
    std::size_t step = 0; ///< nothing is pruned for less than this, so that steps are few
    std::size_t head = 0; ///< characters that stay of a shortened result
    std::size_t tail = 0;
    std::size_t keep_assistants = 1;
};

byte_limits limits_of(const pruning_policy& p) {
    const auto context = std::max(p.context_tokens, 0) * std::max(p.bytes_per_token, 1.0);
    const auto share = [&](double ratio) {
        return static_cast<std::size_t>(context * std::clamp(ratio, 0.0, 1.0));
    };
    const bool aggressive = p.mode == pruning_mode::aggressive;
    byte_limits l;
    l.step = share(1.0 / 8);
    l.trim_above = share(aggressive ? p.soft_trim_ratio / 2 : p.soft_trim_ratio);
    l.clear_above = share(aggressive ? p.soft_trim_ratio : p.hard_clear_ratio);
    if (!aggressive) {
        l.trim_down_to = l.trim_above - std::min(l.trim_above, l.step);
        l.clear_down_to = l.clear_above - std::min(l.clear_above, l.step);
    }
    // In a small context even what is left of the results would fill it.
    l.head = std::clamp<std::size_t>(share(1.0 / 64), 120, aggressive ? 500 : 1500);
    l.tail = aggressive ? l.head * 2 / 5 : l.head / 3;
    // What follows the last assistant message is what the model was not yet shown.
    l.keep_assistants = static_cast<std::size_t>(std::max(p.keep_last_assistants, 1));
    return l;
}

/// `bytes` less what pictures have beyond their flat rate.
std::size_t without_pictures(std::size_t bytes, const json_member* images) {
    if (images == nullptr || images->kind != json_kind::array) return bytes;
    return bytes - images->value.size() + scan_array(images->value).size() * bytes_of_an_image;
}

std::size_t prompt_bytes(const native_message& m) {
    const auto known = m.content.size() + m.thinking.size() + m.tool_calls.size();
    if (m.text.size() - known < bytes_of_an_image) return m.text.size();
    const auto members = scan_object(m.text);
    if (!members) return m.text.size();
    const auto images = std::find_if(members->begin(), members->end(),
                                     [](const json_member& i) { return i.key == "images"; });
    return without_pictures(m.text.size(), images == members->end() ? nullptr : &*images);
}

/// Goes through a conversation as it grew, message by message, and prunes where the door would have pruned
/// then. So what is decided of the beginning never depends on what comes later, and stays.
class replay {
public:
    explicit replay(const byte_limits& limits, std::size_t size_before_messages)
        : limits_{limits}
        , size_{size_before_messages} {}

    void add(const native_message& m, std::size_t bytes) {
        size_ += bytes;
        if (m.role == "assistant") assistants_.push_back(count_);
        if (m.role == "tool" && m.content_kind == json_kind::string) {
            tool_result t;
            t.message = count_;
            t.content = m.content;
            t.begin = m.content_begin;
            results_.push_back(t);
        }
        ++count_;
        release();
        if (size_ > limits_.clear_above && clearable_ >= limits_.step) {
            // The prompt changes near its beginning: shortening what is due costs nothing more now.
            trim(0);
            clear(limits_.clear_down_to);
        } else if (size_ > limits_.trim_above && trimmable_ >= limits_.step) {
            trim(limits_.trim_down_to);
        }
    }

    pruning_report write(edited_text& to) const {
        pruning_report report;
        report.bytes_after = size_;
        for (std::size_t i = 0; i < trimmed_; ++i) {
            const auto& t = results_[i];
            if (i < cleared_ && t.content.size() > cleared_content.size()) {
                to.replace(t.begin, t.begin + t.content.size(), std::string{cleared_content});
                ++report.cleared;
            } else if (i >= cleared_ && t.middle.saving() > 0) {
                const auto inside = t.begin + 1;
                to.replace(inside + t.middle.begin, inside + t.middle.end, left_out(t.middle.characters));
                ++report.trimmed;
            }
        }
        return report;
    }

private:
    struct tool_result {
        std::size_t message = 0;    ///< its index
        std::string_view content{}; ///< with its quotes
        std::size_t begin = 0;      ///< of the content in the body
        gap middle{};
        std::size_t by_trimming = 0; ///< bytes that can be saved
        std::size_t by_clearing = 0; ///< … and are not yet, by clearing it
    };

    /// Results that have left the protected end of the conversation.
    void release() {
        if (assistants_.size() < limits_.keep_assistants) return;
        const auto protected_from = assistants_[assistants_.size() - limits_.keep_assistants];
        for (; released_ < results_.size() && results_[released_].message < protected_from; ++released_) {
            auto& t = results_[released_];
            t.middle = gap_of(t.content.substr(1, t.content.size() - 2), limits_.head, limits_.tail);
            t.by_trimming = t.middle.saving();
            t.by_clearing = t.content.size() - std::min(t.content.size(), cleared_content.size());
            trimmable_ += t.by_trimming;
            clearable_ += t.by_clearing;
        }
    }

    void trim(std::size_t down_to) {
        for (; trimmed_ < released_ && size_ > down_to; ++trimmed_) {
            auto& t = results_[trimmed_];
            t.by_clearing -= t.by_trimming;
            size_ -= t.by_trimming;
            trimmable_ -= t.by_trimming;
            clearable_ -= t.by_trimming;
        }
    }

    void clear(std::size_t down_to) {
        for (; cleared_ < trimmed_ && size_ > down_to; ++cleared_) {
            size_ -= results_[cleared_].by_clearing;
            clearable_ -= results_[cleared_].by_clearing;
        }
    }

    byte_limits limits_;
    std::size_t size_; ///< of the prompt as it is after pruning
    std::size_t count_ = 0;
    std::vector<std::size_t> assistants_; ///< indices of their messages
    std::vector<tool_result> results_;
    // 0 ≤ cleared ≤ trimmed ≤ released: how many of the results, from the oldest on.
    std::size_t cleared_ = 0;
    std::size_t trimmed_ = 0;
    std::size_t released_ = 0;
    std::size_t trimmable_ = 0; ///< bytes that shortening all released results would save now
    std::size_t clearable_ = 0;
};

} // namespace

pruning_policy pruning_for(const behaviour_options& b) {
    pruning_policy p;
    p.mode = b.pruning;
    p.context_tokens = b.context_tokens;
    p.keep_last_assistants = b.keep_last_assistants;
    p.soft_trim_ratio = b.soft_trim_ratio;
    p.hard_clear_ratio = b.hard_clear_ratio;
    return p;
}

pruning_report prune(const native_request& r, const pruning_policy& p, edited_text& to) {
    pruning_report report;
    report.bytes_before = report.bytes_after = without_pictures(r.body.size(), r.find("images"));
    if (r.kind != call_kind::chat) return report;
    const auto messages = read_messages(r);
    if (!messages) return report;

    const auto* const tools = r.find("tools");
    const auto before_messages = tools == nullptr ? 0 : tools->value.size();
    std::vector<std::size_t> sizes;
    sizes.reserve(messages->size());
    for (const auto& m : *messages)
        sizes.push_back(prompt_bytes(m));
    report.bytes_before = std::accumulate(sizes.begin(), sizes.end(), before_messages);
    report.bytes_after = report.bytes_before;
    const auto limits = limits_of(p);
    // The usual case: nothing to decide, so nothing to look at.
    if (p.mode == pruning_mode::off || p.context_tokens <= 0 ||
        report.bytes_before <= std::min(limits.trim_above, limits.clear_above))
        return report;

    replay conversation{limits, before_messages};
    for (std::size_t i = 0; i < messages->size(); ++i)
        conversation.add((*messages)[i], sizes[i]);
    const auto before = report.bytes_before;
    report = conversation.write(to);
    report.bytes_before = before;
    return report;
}

} // namespace clawgate::ollama
