# clawgate_embed(TARGET files…): makes each file a std::string_view in <build>/embedded/assets.hpp, namespace
# clawgate::assets, named after the file with non-alphanumerics as '_' (login.html → login_html).
function(clawgate_embed target)
  set(header ${CMAKE_BINARY_DIR}/embedded/assets.hpp)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${header} "-DFILES=${ARGN}" -P ${PROJECT_SOURCE_DIR}/cmake/embed_run.cmake
    DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/embed_run.cmake
    COMMENT "Embedding pages" VERBATIM)
  target_sources(${target} PRIVATE ${header})
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/embedded)
endfunction()
