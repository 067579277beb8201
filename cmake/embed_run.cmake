# Run by clawgate_embed. A raw string literal keeps the page readable in the debugger; long pages are cut into
# pieces because a literal may not be arbitrarily long.
set(out "// Made by cmake/embed_run.cmake; do not edit.\n#pragma once\n#include <string_view>\n\nnamespace clawgate::assets {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  string(REGEX REPLACE "[^A-Za-z0-9]" "_" name ${name})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${hex}")
  string(LENGTH "${hex}" length)
  math(EXPR length "${length} / 2")
  # 64 bytes a line: "\x41" "\x42" would be slow to compile one by one.
  string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f]){1,64})" "    \"\\1\"\n" lines "${bytes}")
  string(APPEND out "inline constexpr std::string_view ${name}{\n${lines}    , ${length}};\n")
endforeach()
string(APPEND out "} // namespace clawgate::assets\n")
file(WRITE ${OUTPUT} "${out}")
