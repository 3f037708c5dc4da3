# A room is one folder of engine/ or dsl/ with one library, `metac_<room>`. It may include only headers of itself and of
# the rooms it names in USES (and what those use): anything else stops the configuration, so the include direction of
# the house cannot erode. That holds for its subfolders too, and is looked at again after every edit.
#
#   metac_room(graph USES base LINKS fmt::fmt)
#
# Every .cpp file of the folder itself belongs to the room. Headers are included as "room/header.hpp". PUBLIC names the
# headers that other programs may include (Embedding.cmake): rooms of the language see no others of the engine.
function(metac_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LINKS;PUBLIC" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  file(GLOB_RECURSE checked CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp
    ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.hpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${checked})

  set(allowed ${name} ${ROOM_USES})
  foreach(used IN LISTS ROOM_USES)
    get_property(inherited GLOBAL PROPERTY metac_room_${used})
    list(APPEND allowed ${inherited})
  endforeach()
  list(REMOVE_DUPLICATES allowed)
  set_property(GLOBAL PROPERTY metac_room_${name} ${allowed})
  set_property(GLOBAL PROPERTY metac_links_${name} ${ROOM_LINKS})
  get_filename_component(side ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set_property(GLOBAL PROPERTY metac_side_${name} ${side})
  foreach(header IN LISTS ROOM_PUBLIC)
    metac_public_header(${name}/${header}.hpp ${name}/${header}.hpp)
  endforeach()
  get_property(public GLOBAL PROPERTY metac_public_headers)

  foreach(file IN LISTS checked)
    file(STRINGS ${file} includes REGEX "^#include \"[^\"]*\"")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^#include \"([^/\"]*).*" "\\1" room "${line}")
      if(NOT room IN_LIST allowed)
        message(FATAL_ERROR "${file}: ${line}\nThe room `${name}` may include only: ${allowed}")
      endif()
      get_property(side_of_room GLOBAL PROPERTY metac_side_${room})
      string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" header "${line}")
      if(NOT side STREQUAL side_of_room AND NOT header IN_LIST public)
        message(FATAL_ERROR "${file}: ${line}\nOf the ${side_of_room} it may include only: ${public}")
      endif()
    endforeach()
  endforeach()

  add_library(metac_${name} STATIC ${sources})
  target_include_directories(metac_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  list(TRANSFORM ROOM_USES PREPEND metac_)
  target_link_libraries(metac_${name} PUBLIC ${ROOM_USES} PRIVATE ${ROOM_LINKS})
endfunction()
