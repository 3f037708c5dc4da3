# Writes a .cpp with the text of codes.md: cmake -D INPUT=.. -D OUTPUT=.. -P embed.cmake.
include(${CMAKE_CURRENT_LIST_DIR}/../../engine/cmake/RawString.cmake)
file(READ ${INPUT} text)
raw_string(literal "${text}")
file(WRITE ${OUTPUT} "// Made from codes.md by embed.cmake; not to be edited.\n#include <string_view>\n\nnamespace metac::dsl {\n\n\
extern const std::string_view codes_text;\nconst std::string_view codes_text =\n${literal};\n\n}  // namespace metac::dsl\n")
