# Run by clawgate_embed. Every byte is written as an escape, so that nothing in a file (quotes, raw-string
# delimiters, trigraphs) can change its meaning.
set(out "// Made by cmake/embed_run.cmake; do not edit.\n#pragma once\n#include <string_view>\n\nnamespace clawgate::assets {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  string(REGEX REPLACE "[^A-Za-z0-9]" "_" name ${name})
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR length "${digits} / 2")
  # Cut into lines of 64 bytes: an editor and a debugger can still show the header. A loop, because CMake's regular
  # expressions have no counted repetition.
  set(lines "")
  set(at 0)
  while(at LESS digits)
    string(SUBSTRING "${hex}" ${at} 128 piece)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" piece "${piece}")
    string(APPEND lines "    \"${piece}\"\n")
    math(EXPR at "${at} + 128")
  endwhile()
  string(APPEND out "inline constexpr std::string_view ${name}{\n${lines}    \"\", ${length}};\n")
endforeach()
string(APPEND out "} // namespace clawgate::assets\n")
file(WRITE ${OUTPUT} "${out}")
