#include "pod/become.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

namespace clawgate::pod {

int become_program(const std::string& who, const std::vector<std::string>& program) {
    std::cerr.flush();
    std::vector<char*> argv;
    for (const auto& word : program)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    std::signal(SIGPIPE, SIG_DFL); // ignored signals stay so across exec
    ::execvp(argv[0], argv.data());
    std::cerr << who << ": " << program.front() << " cannot be started: " << std::strerror(errno) << '\n';
    return 71; // EX_OSERR
}

} // namespace clawgate::pod
