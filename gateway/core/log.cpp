#include "core/log.hpp"

#include "core/log_text.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <mutex>

namespace clawgate::log {
namespace {

// The whole buffer, whatever it takes: standard output may be a pipe that somebody else made non-blocking.
void write_to(int fd, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd ready{fd, POLLOUT, 0};
            (void)::poll(&ready, 1, 1000);
        } else if (errno != EINTR) {
            return; // nobody reads the log any more; the gateway works on
        }
    }
}

// spdlog's own standard output sink flushes every line; this one when it is told to, or when it is full.
class buffered_stdout final : public spdlog::sinks::base_sink<std::mutex> {
protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        line_.clear();
        formatter_->format(message, line_);
        buffer_.append(line_.data(), line_.size());
        if (buffer_.size() >= limit) flush_();
    }
    void flush_() override {
        write_to(STDOUT_FILENO, buffer_);
        buffer_.clear();
    }

private:
    static constexpr std::size_t limit = 32 * 1024;
    spdlog::memory_buf_t line_;
    std::string buffer_;
};

std::atomic<log_level> lowest{log_level::info};
std::atomic<bool> json{false};

spdlog::level::level_enum spdlog_level(log_level level) noexcept {
    switch (level) {
    case log_level::trace: return spdlog::level::trace;
    case log_level::debug: return spdlog::level::debug;
    case log_level::info: return spdlog::level::info;
    case log_level::warn: return spdlog::level::warn;
    case log_level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

std::string_view level_name(log_level level) noexcept {
    switch (level) {
    case log_level::trace: return "trace";
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warn: return "warn";
    case log_level::error: return "error";
    }
    return "error";
}

// Never destroyed: other threads may log while static objects end. Null before init().
std::atomic<spdlog::logger*> logger{nullptr};

spdlog::logger* make_logger() {
    auto made = std::make_shared<spdlog::logger>("clawgate", std::make_shared<buffered_stdout>());
    made->set_level(spdlog::level::trace); // `lowest` has decided already
    made->flush_on(spdlog::level::warn);
    spdlog::register_logger(made); // what flush_every() goes through
    spdlog::flush_every(std::chrono::seconds{1});
    static const auto* const kept = new std::shared_ptr<spdlog::logger>{made};
    return kept->get();
}

void put(log_level level, const std::string& line) {
    if (auto* l = logger.load(std::memory_order_acquire)) {
        l->log(spdlog_level(level), spdlog::string_view_t{line.data(), line.size()});
    } else if (level >= log_level::warn) {
        write_to(STDERR_FILENO, "clawgate: " + line + '\n');
    }
}

template <class Number>
void append_number(std::string& out, Number value) {
    std::array<char, 32> text{};
    const auto [end, ec] = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), ec == std::errc{} ? end : text.data());
}

// 1.2ms; one decimal is what a person compares.
void append_milliseconds(std::string& out, std::chrono::microseconds t) {
    const auto tenths = (t.count() + 50) / 100;
    append_number(out, tenths / 10);
    out += '.';
    append_number(out, tenths % 10);
    out += "ms";
}

// Appends name=value or "name":value, each with what separates it from what came before.
class line_writer {
public:
    explicit line_writer(bool as_json)
        : json_{as_json} {
        line_.reserve(320);
    }

    void key(std::string_view name) {
        if (json_) {
            if (!line_.empty()) line_ += ',';
            append_json(line_, name);
            line_ += ':';
        } else {
            line_ += ' ';
            append_escaped(line_, name);
            line_ += '=';
        }
    }
    void add(std::string_view name, std::string_view value) {
        key(name);
        json_ ? append_json(line_, value) : append_word(line_, value);
    }
    void add(std::string_view name, bool value) {
        key(name);
        line_ += json_ ? (value ? "true" : "false") : (value ? "1" : "0");
    }
    template <class Number>
    requires std::is_arithmetic_v<Number>
    void add(std::string_view name, Number value) {
        key(name);
        if constexpr (std::is_floating_point_v<Number>) {
            if (!(value - value == 0)) { // infinite or not a number: JSON has no such literal
                line_ += "null";
                return;
            }
        }
        append_number(line_, value);
    }
    [[nodiscard]] std::string& text() noexcept { return line_; }

private:
    bool json_;
    std::string line_;
};

std::string event_line(log_level level, std::string_view message, std::initializer_list<field> fields) {
    const bool as_json = json.load(std::memory_order_relaxed);
    line_writer line{as_json};
    if (as_json) {
        line.add("level", level_name(level));
        line.add("message", message);
    } else {
        line.text() += level_name(level);
        line.text() += ' ';
        append_escaped(line.text(), message);
    }
    for (const auto& f : fields)
        std::visit([&](auto value) { line.add(f.name, value); }, f.value);
    return std::move(line.text());
}

std::string access_json(const access_record& r) {
    line_writer line{true};
    line.add("level", std::string_view{"info"});
    line.add("message", std::string_view{"access"});
    line.add("kind", r.kind);
    line.add("agent", r.agent);
    line.add("client", r.client);
    line.add("caller", r.caller);
    line.add("method", r.method);
    line.add("target", mask_target(r.target));
    line.add("status", r.status);
    line.add("bytes_out", r.bytes_out);
    line.add("bytes_in", r.bytes_in);
    line.add("total_us", r.total.count());
    if (r.connect.count() >= 0) line.add("connect_us", r.connect.count());
    if (r.first_byte.count() >= 0) line.add("first_byte_us", r.first_byte.count());
    line.add("reused", r.reused);
    line.add("id", r.request_id);
    if (r.close_code != 0) line.add("close_code", r.close_code);
    if (!r.close_reason.empty()) line.add("close_reason", r.close_reason);
    if (!r.error.empty()) line.add("error", r.error);
    return std::move(line.text());
}

std::string access_text(const access_record& r) {
    line_writer line{false};
    auto& out = line.text();
    out += "access";
    for (const auto word : {r.agent, r.client, r.caller, r.method})
        append_word(out += ' ', word);
    // No quotes for '=' here: a target has it in every query, and a space in it is escaped away.
    const auto target = mask_target(r.target);
    out += ' ';
    for (std::size_t begin = 0; begin <= target.size();) {
        const auto end = std::min(target.find(' ', begin), target.size());
        append_escaped(out, std::string_view{target}.substr(begin, end - begin));
        if (end < target.size()) out += "\\x20";
        begin = end + 1;
    }
    if (target.empty()) out += '-';
    append_number(out += ' ', r.status);
    line.add("out", r.bytes_out);
    line.add("in", r.bytes_in);
    const auto duration = [&](std::string_view name, std::chrono::microseconds t) {
        if (t.count() < 0) return;
        line.key(name);
        append_milliseconds(out, t);
    };
    duration("total", r.total);
    duration("connect", r.connect);
    duration("first", r.first_byte);
    line.add("reused", r.reused);
    line.add("id", r.request_id);
    if (r.kind != "http") line.add("kind", r.kind);
    if (r.close_code != 0) line.add("close", r.close_code);
    if (!r.close_reason.empty()) line.add("reason", r.close_reason);
    if (!r.error.empty()) line.add("error", r.error);
    return std::move(out);
}

} // namespace

void init(log_level level, log_format format) {
    static std::mutex once_at_a_time;
    const std::lock_guard lock{once_at_a_time};
    auto* l = logger.load(std::memory_order_acquire);
    if (l == nullptr) l = make_logger();
    const bool as_json = format == log_format::json;
    lowest.store(level, std::memory_order_relaxed);
    l->flush();
    json.store(as_json, std::memory_order_relaxed);
    l->set_pattern(as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
                   spdlog::pattern_time_type::utc);
    logger.store(l, std::memory_order_release);
}

void flush() noexcept {
    try {
        if (auto* l = logger.load(std::memory_order_acquire)) l->flush();
    } catch (...) { // a lost log line is no reason to end
    }
}

bool enabled(log_level level) noexcept {
    return level >= lowest.load(std::memory_order_relaxed);
}

void event(log_level level, std::string_view message, std::initializer_list<field> fields) {
    if (enabled(level)) put(level, event_line(level, message, fields));
}

void access(const access_record& r) {
    if (!enabled(log_level::info)) return;
    put(log_level::info, json.load(std::memory_order_relaxed) ? access_json(r) : access_text(r));
}

} // namespace clawgate::log
