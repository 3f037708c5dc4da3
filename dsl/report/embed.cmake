# Writes a .cpp with the text of a file: cmake -D INPUT=.. -D SYMBOL=.. -D OUTPUT=.. -P embed.cmake.
include(${CMAKE_CURRENT_LIST_DIR}/../../engine/cmake/RawString.cmake)
file(READ ${INPUT} text)
raw_string(literal "${text}")
get_filename_component(name ${INPUT} NAME)
file(WRITE ${OUTPUT} "// Made from ${name} by embed.cmake; not to be edited.\n#include <string_view>\n\nnamespace metac::dsl {\n\n\
extern const std::string_view ${SYMBOL};\nconst std::string_view ${SYMBOL} =\n${literal};\n\n}  // namespace metac::dsl\n")
