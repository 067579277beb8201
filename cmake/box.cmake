# clawgate_box(NAME DIR dir LINK libs…): a static library of every .cpp in dir (and below), with the
# include roots of the project: "core/x.hpp", "net/x.hpp", "auth/x.hpp", …
function(clawgate_box name)
  cmake_parse_arguments(BOX "" "DIR" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${BOX_DIR}/*.cpp)
  add_library(clawgate_${name} STATIC ${sources})
  target_include_directories(clawgate_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/gateway)
  target_link_libraries(clawgate_${name} PUBLIC ${BOX_LINK} PRIVATE clawgate_flags)
  # The flags' definitions change the meaning of Asio's and spdlog's headers: users of a box need the same ones.
  target_link_libraries(clawgate_${name} INTERFACE clawgate_flags)
endfunction()
