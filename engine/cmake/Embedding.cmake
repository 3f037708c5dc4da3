# What other programs see: public headers, in the build tree as they are installed, and the shared libraries.

# A public header, `room/header.hpp` of the current folder, becomes <metac/destination>. It may include only the standard
# library and public headers, which it then finds as <metac/...>, so that a folder of ours never meets one of the
# program's.
function(metac_public_header header destination)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${header})
  file(STRINGS ${header} includes REGEX "^#include ")
  get_property(public GLOBAL PROPERTY metac_public_headers)
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^#include [\"<]([^\">]*).*" "\\1" included "${line}")
    if(NOT included IN_LIST public AND NOT line MATCHES "^#include <([a-z_]+|${ARGN})>")
      message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${header}: ${line}\nA public header may include only the standard "
                          "library and public headers: ${public}")
    endif()
  endforeach()
  file(READ ${header} text)
  string(REGEX REPLACE "#include \"([^\"]*)\"" "#include <metac/\\1>" text "${text}")
  set(staged ${PROJECT_BINARY_DIR}/include/metac/${destination})
  if(EXISTS ${staged})
    file(READ ${staged} before)
  endif()
  if(NOT "${text}" STREQUAL "${before}")  # else nothing that includes it is compiled again
    file(WRITE ${staged} "${text}")
  endif()
  set_property(GLOBAL APPEND PROPERTY metac_public_headers ${header})
  set_property(GLOBAL APPEND PROPERTY metac_staged_headers ${destination})
endfunction()

# The shared library `metac::<export>` of these rooms, lib<file>.so. It exports what public headers declare, and holds
# everything else.
function(metac_shared_library target export file)
  cmake_parse_arguments(LIBRARY "" "" "ROOMS;USES" ${ARGN})
  add_library(${target} SHARED)
  foreach(room IN LISTS LIBRARY_ROOMS)
    get_property(links GLOBAL PROPERTY metac_links_${room})
    target_link_libraries(${target} PRIVATE ${links})
    foreach(part ${room} ${room}_baseline ${room}_avx2 ${room}_avx512)
      if(TARGET metac_${part})
        target_sources(${target} PRIVATE $<TARGET_OBJECTS:metac_${part}>)
      endif()
    endforeach()
  endforeach()
  target_link_libraries(${target} PUBLIC ${LIBRARY_USES})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export} OUTPUT_NAME ${file} LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} INSTALL_RPATH "$ORIGIN")
  add_library(metac::${export} ALIAS ${target})
endfunction()
