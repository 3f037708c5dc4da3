// The addresses that editors give documents. Inside, a document has a path: of a file that of the disk, of a file of
// the library the one it has in the program, and of anything else (a text without a file) its address.
#pragma once

#include <string>

namespace metac::dsl {

// `/a b/x.meta` of `file:///a%20b/x.meta`; `stdlib/losses.meta` of `metac-stdlib:/stdlib/losses.meta`.
std::string path_of(const std::string& uri);
std::string uri_of(const std::string& path);
bool is_library_uri(const std::string& uri);

}  // namespace metac::dsl
