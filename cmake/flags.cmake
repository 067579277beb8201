# Compiler and linker flags of every target, in one place.
add_library(clawgate_flags INTERFACE)
target_compile_options(clawgate_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(CLAWGATE_WERROR)
  target_compile_options(clawgate_flags INTERFACE -Werror)
endif()

target_compile_definitions(clawgate_flags INTERFACE
  CLAWGATE_VERSION="${PROJECT_VERSION}"
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED)

if(CLAWGATE_SANITIZE)
  target_compile_options(clawgate_flags INTERFACE -fsanitize=${CLAWGATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(clawgate_flags INTERFACE -fsanitize=${CLAWGATE_SANITIZE})
  if(CLAWGATE_SANITIZE MATCHES thread)
    # g++ 12 warns that TSan does not model atomic_thread_fence, which Asio uses once.
    target_compile_options(clawgate_flags INTERFACE -Wno-tsan)
  endif()
else()
  # Hardening that a server on the open internet is expected to have; _FORTIFY_SOURCE needs an optimised build.
  target_compile_options(clawgate_flags INTERFACE -fstack-protector-strong -fstack-clash-protection -fcf-protection
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
  target_link_options(clawgate_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
