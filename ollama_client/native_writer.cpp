#include "ollama_client/native_writer.hpp"

#include "core/clock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace clawgate::ollama {

namespace {

/// Beyond this an answer that is being folded is a fault of the server: far more than the longest answer with
/// log probabilities has.
constexpr std::size_t max_folded_bytes = 256ull << 20;

constexpr std::string_view unreadable_record{"the model server sent a record that cannot be read"};

/// As Ollama writes it: RFC 3339, nanoseconds, UTC.
std::string timestamp(wall_time now) {
    const auto since = now.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t t = seconds.count();
    std::tm parts{};
    gmtime_r(&t, &parts);
    std::array<char, 32> date{};
    const auto n = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 16> fraction{};
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count();
    std::snprintf(fraction.data(), fraction.size(), ".%09uZ", static_cast<unsigned>(nanoseconds));
    return std::string{date.data(), n} + fraction.data();
}

class stream_writer final : public response_writer {
public:
    stream_writer(call_kind kind, const std::string& model)
        : before_time_{"{\"model\":" + quote_json(model) + ",\"created_at\":\""}
        , after_time_{kind == call_kind::chat
                          ? "\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}\n"
                          : "\",\"response\":\"\",\"done\":false}\n"} {}

    [[nodiscard]] std::string_view content_type() const override { return "application/x-ndjson"; }
    [[nodiscard]] bool streams() const override { return true; }

    void record(std::string_view line, std::string& out) override {
        if (ended_) return;
        // What is not JSON would break the caller's parser in the middle of its stream.
        if (!scan_object(line)) return fail(502, unreadable_record, out);
        out.append(line).append(1, '\n');
        ended_ = is_final_record(line);
    }
    void heartbeat(std::string& out) override {
        if (!ended_) out.append(before_time_).append(timestamp(wall_clock::now())).append(after_time_);
    }
    void fail(int /*status*/, std::string_view message, std::string& out) override {
        if (!ended_) out.append(native_error(message)).append(1, '\n');
        ended_ = true;
    }
    [[nodiscard]] std::string error_body(int /*status*/, std::string_view message) const override {
        return native_error(message);
    }

private:
    std::string before_time_;
    std::string_view after_time_;
    bool ended_ = false; ///< the final record or an error was written; nothing may follow
};

/// A member that is gathered over the records: the insides of its strings (or arrays) are put one behind the
/// other as they stand. Each is valid by itself, so nothing needs to be unescaped.
struct folded_member {
    std::string_view key;
    json_kind kind = json_kind::string; ///< or array
    bool always = false;                ///< written even when it is empty
    std::string_view place{}; ///< the member behind which it comes where the final record has none; else last
    std::string inside{};

    void add(std::string_view value) {
        value = value.substr(1, value.size() - 2);
        if (kind == json_kind::array) {
            if (value.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
            if (!inside.empty()) inside.append(1, ',');
        }
        inside.append(value);
    }
};

/// Ollama's order (its ChatResponse, GenerateResponse and Message).
std::vector<folded_member> top_level_of(call_kind kind) {
    std::vector<folded_member> members;
    if (kind == call_kind::chat) {
        members.push_back({"logprobs", json_kind::array, false, "done_reason"});
        return members;
    }
    members.push_back({"response", json_kind::string, true, "created_at"});
    members.push_back({"thinking", json_kind::string, false, "response"});
    members.push_back({"tool_calls", json_kind::array});
    members.push_back({"logprobs", json_kind::array});
    return members;
}

std::vector<folded_member> members_of_message() {
    std::vector<folded_member> members;
    members.push_back({"content", json_kind::string, true, "role"});
    members.push_back({"thinking", json_kind::string, false, "content"});
    members.push_back({"tool_calls", json_kind::array});
    return members;
}

/// The message of a record that has none.
constexpr json_member assistant_role{"role", "\"assistant\"", json_kind::string};

const json_member* find(const std::vector<json_member>& members, std::string_view key) {
    for (const auto& m : members)
        if (m.key == key) return &m;
    return nullptr;
}

void write_key(std::string_view key, std::string& out) {
    if (out.back() != '{') out.append(1, ',');
    out.append(1, '"').append(key).append("\":");
}

/// The members of one object over all records, and that object of the final record with them in it.
class object_folder {
public:
    explicit object_folder(std::vector<folded_member> members)
        : folded_{std::move(members)} {}

    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t n = 0;
        for (const auto& f : folded_)
            n += f.inside.size();
        return n;
    }

    void add(const std::vector<json_member>& object) {
        for (auto& f : folded_) {
            const auto* const m = find(object, f.key);
            if (m != nullptr && m->kind == f.kind) f.add(m->value);
        }
    }

    /// `special` is written instead of the value of the member of that name.
    void write(const std::vector<json_member>& final_object, std::string_view special_key,
               std::string_view special, std::string& out) const {
        out.append(1, '{');
        for (const auto& m : final_object) {
            const auto mine = std::find_if(folded_.begin(), folded_.end(),
                                           [&](const folded_member& f) { return f.key == m.key; });
            if (mine == folded_.end()) {
                write_key(m.key, out);
                out.append(m.key == special_key ? special : m.value);
            } else {
                write(*mine, out);
            }
            for (const auto& f : folded_)
                if (f.place == m.key && find(final_object, f.key) == nullptr) write(f, out);
        }
        if (!special_key.empty() && find(final_object, special_key) == nullptr) {
            write_key(special_key, out);
            out.append(special);
        }
        for (const auto& f : folded_) {
            if (find(final_object, f.key) == nullptr && find(final_object, f.place) == nullptr) write(f, out);
        }
        out.append(1, '}');
    }

private:
    static void write(const folded_member& f, std::string& out) {
        if (f.inside.empty() && !f.always) return;
        const bool text = f.kind == json_kind::string;
        write_key(f.key, out);
        out.append(1, text ? '"' : '[').append(f.inside).append(1, text ? '"' : ']');
    }

    std::vector<folded_member> folded_;
};

/// What answers of one object have in common: nothing but white space before it.
class one_object_writer : public response_writer {
public:
    [[nodiscard]] std::string_view content_type() const final { return "application/json; charset=utf-8"; }
    [[nodiscard]] bool streams() const final { return false; }

    void record(std::string_view line, std::string& out) final {
        if (!ended_) take(line, out);
    }
    void heartbeat(std::string& out) final {
        if (!ended_) out.append(1, ' ');
    }
    void fail(int /*status*/, std::string_view message, std::string& out) final {
        if (!ended_) finish(native_error(message), out);
    }
    [[nodiscard]] std::string error_body(int /*status*/, std::string_view message) const final {
        return native_error(message);
    }

protected:
    virtual void take(std::string_view line, std::string& out) = 0;
    /// Nothing may follow.
    void finish(std::string_view answer, std::string& out) {
        out.append(answer);
        ended_ = true;
    }

private:
    bool ended_ = false;
};

class folding_writer final : public one_object_writer {
public:
    explicit folding_writer(call_kind kind)
        : chat_{kind == call_kind::chat}
        , top_{top_level_of(kind)}
        , message_{members_of_message()} {}

protected:
    void take(std::string_view line, std::string& out) override {
        const auto members = scan_object(line);
        if (!members) return fail(502, unreadable_record, out);
        std::vector<json_member> message{assistant_role};
        const auto* const m = chat_ ? find(*members, "message") : nullptr;
        if (m != nullptr && m->kind == json_kind::object) {
            auto inner = scan_object(m->value);
            if (!inner) return fail(502, unreadable_record, out);
            message = *std::move(inner);
        }
        top_.add(*members);
        message_.add(message);
        if (top_.size() + message_.size() > max_folded_bytes)
            return fail(502, "the model server's answer is too long", out);
        const auto* const done = find(*members, "done");
        if (done == nullptr || done->value != "true") return;
        std::string folded_message;
        if (chat_) message_.write(message, {}, {}, folded_message);
        std::string answer;
        top_.write(*members, chat_ ? "message" : "", folded_message, answer);
        finish(answer, out);
    }

private:
    bool chat_;
    object_folder top_;
    object_folder message_;
};

/// Embeddings: the server answers with one object, which passes as it is.
class plain_writer final : public one_object_writer {
protected:
    void take(std::string_view line, std::string& out) override { finish(line, out); }
};

} // namespace

std::unique_ptr<response_writer> make_native_writer(call_kind kind, bool stream, std::string model) {
    if (kind == call_kind::embed || kind == call_kind::embeddings) return std::make_unique<plain_writer>();
    if (stream) return std::make_unique<stream_writer>(kind, model);
    return std::make_unique<folding_writer>(kind);
}

} // namespace clawgate::ollama
