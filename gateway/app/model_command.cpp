#include "app/model_command.hpp"

#include "core/model_names.hpp"
#include "core/net_names.hpp"
#include "ollama_client/model_keeper.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>

namespace clawgate::app {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_failure = 1;
constexpr int exit_unavailable = 69; // sysexits.h
constexpr int exit_interrupted = 128 + SIGINT;

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/// Progress on standard output.
class progress_view {
public:
    void show(const std::string& model, const ollama::pull_progress& p) {
        const auto now = steady_clock::now();
        const auto text = describe(p, now);
        if (on_terminal_) {
            if (now - drawn_ < std::chrono::milliseconds{100} && p.percent() != 100) return;
            drawn_ = now;
            draw(p, text);
        } else if (lines_.due(p, now)) {
            std::cout << model << ": " << text << std::endl;
        }
    }
    /// Ends the line that was drawn over.
    void end() {
        if (on_terminal_ && drawn_ != steady_time{}) std::cout << "\r\033[K" << std::flush;
        drawn_ = {};
        lines_ = {};
    }

private:
    void draw(const ollama::pull_progress& p, const std::string& text) const {
        constexpr std::size_t width = 24;
        std::string line;
        if (const auto percent = p.percent()) {
            const auto full = width * static_cast<std::size_t>(*percent) / 100;
            line = "[" + std::string(full, '#') + std::string(width - full, ' ') + "] ";
        }
        line += text;
        if (line.size() >= terminal_width()) line.resize(terminal_width() - 1);
        std::cout << "\r\033[K" << line << std::flush;
    }

    bool on_terminal_ = ::isatty(STDOUT_FILENO) == 1;
    steady_time drawn_{};
    ollama::progress_log lines_;
};

class command {
public:
    command(const config& c, model_command what, std::vector<net::tcp::endpoint> addresses, std::string host)
        : what_{what}
        , options_{ollama::keeper_options_for(c)}
        , pool_{io_.get_executor(), std::move(addresses)}
        , host_{std::move(host)}
        , signals_{io_, SIGINT, SIGTERM} {}

    int run(std::vector<ollama::wanted_model> models) {
        signals_.async_wait([this](net::error_code ec, int) {
            if (ec) return;
            status_ = exit_interrupted;
            if (task_) task_->cancel();
            io_.stop();
        });
        auto ended = [this](std::exception_ptr failed) {
            if (failed) status_ = exit_failure;
            signals_.cancel();
        };
        net::asio::co_spawn(io_.get_executor(), all(std::move(models)), std::move(ended));
        io_.run();
        view_.end();
        if (status_ == exit_interrupted)
            std::cerr
                << (what_ == model_command::pull
                        ? "interrupted; what was downloaded is kept, and the next pull goes on from there\n"
                        : "interrupted\n");
        return status_;
    }

private:
    ollama::server_link link() { return {pool_, io_.get_executor(), blocks_, host_}; }

    void complain(const std::string& model, const error& e) {
        view_.end();
        std::cerr << "clawgate model: " << model << ": " << e.detail << '\n';
        status_ = e.code == errc::unreachable ? exit_unavailable : exit_failure;
    }

    net::awaitable<void> all(std::vector<ollama::wanted_model> models) {
        auto to_server = link();
        auto version = co_await ollama::ask_version(std::move(to_server));
        if (!version) {
            complain("the model server at " + host_, version.error());
            status_ = exit_unavailable;
            co_return;
        }
        for (const auto& m : models) {
            if (what_ == model_command::pull)
                co_await pull(m.name);
            else
                co_await load(m);
        }
    }

    net::awaitable<void> pull(const std::string& model) {
        auto to_server = link();
        auto there = co_await ollama::has_model(std::move(to_server), model);
        if (there && *there) {
            std::cout << model << ": is there" << std::endl;
            co_return;
        }
        task_ = std::make_shared<ollama::pull_task>();
        task_->on_line = [this, &model] { view_.show(model, task_->progress); };
        auto for_pull = link();
        auto done = co_await ollama::pull_model(std::move(for_pull), model, options_.pull, task_);
        if (!done) {
            complain(model, done.error());
            co_return;
        }
        view_.end();
        std::cout << model << ": downloaded" << std::endl;
    }

    net::awaitable<void> load(const ollama::wanted_model& model) {
        std::cout << model.name << ": loading" << std::endl;
        const auto began = steady_clock::now();
        auto to_server = link();
        auto wanted = model;
        auto runner = options_.runner;
        auto done = co_await ollama::warm_up(std::move(to_server), std::move(wanted), std::move(runner),
                                             options_.load_limit);
        if (!done) {
            complain(model.name, done.error());
            co_return;
        }
        const auto took = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - began);
        std::cout << model.name << ": loaded in " << ollama::shown_duration(took) << std::endl;
    }

    model_command what_;
    ollama::keeper_options options_;
    net::block_pool blocks_{net::small_block};
    net::asio::io_context io_{1};
    net::upstream_pool pool_;
    std::string host_;
    boost::asio::signal_set signals_;
    progress_view view_;
    std::shared_ptr<ollama::pull_task> task_;
    int status_ = exit_ok;
};

} // namespace

int run_model_command(const config& c, model_command what, const std::string& name) {
    const auto server = parse_http_url(c.ollama.url);
    if (!server) return exit_failure; // was checked when it was loaded
    auto addresses = net::resolve({server->host, server->port});
    if (!addresses) {
        std::cerr << "clawgate model: " << addresses.error().detail << '\n';
        return exit_unavailable;
    }
    const bool v6 = server->host.find(':') != std::string::npos;
    auto host = (v6 ? "[" + server->host + "]" : server->host) + ":" + std::to_string(server->port);
    auto models = ollama::wanted_models(c);
    if (!name.empty()) {
        const auto wanted = full_model_name(name);
        std::erase_if(models, [&](const ollama::wanted_model& m) { return m.name != wanted; });
        if (models.empty()) models.push_back({wanted, false});
    } else if (what == model_command::warm_up && !has_room_for_embedding(c)) {
        std::erase_if(models, [](const ollama::wanted_model& m) { return m.embedding; });
    }
    command to_run{c, what, std::move(*addresses), std::move(host)};
    return to_run.run(std::move(models));
}

} // namespace clawgate::app
