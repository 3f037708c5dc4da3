// What each command of `metac` is asked, and the functions that do it. They return exit codes (`Outcome`), print, and
// leave everything else to the rooms behind them.
#pragma once

#include <string>
#include <vector>

#include "driver/gradcheck.hpp"

namespace metac::dsl {

struct Outline;

// ---- run.cpp ----

struct RunRequest {
  std::string script;
  Options options;
  std::vector<std::string> settings;  // name=value, as written
  std::string resume;                 // a folder; empty: a new run
  std::string csv;                    // a file; empty: none
  bool json = false;                  // events and diagnostics on standard output
  bool json_diagnostics = false;      // diagnostics as JSON where people would read text
};

int run_script(RunRequest);
int check_script(RunRequest);
// By which derivatives the objectives of the script reach what is learned under this name; empty: all of it.
int explain_derivatives(RunRequest, const std::string& name);

// ---- gradcheck.cpp ----

// Compares what the script differentiates with finite differences. The exit code says whether a derivative is wrong.
int check_derivatives(RunRequest, const GradcheckOptions&);

// ---- format.cpp ----

struct FormatRequest {
  std::vector<std::string> files;  // "-": from standard input to standard output
  bool check = false;              // write nothing, and fail if something would change
  bool diff = false;               // write nothing, and show what would change
};

int format_scripts(const FormatRequest&);

// ---- explain.cpp ----

// Without a code: the titles of all.
int explain_codes(const std::vector<std::string>& codes);

// ---- list.cpp ----

struct ListRequest {
  std::string script;
  bool json = false;  // one object a line
};

int list_script(const ListRequest&);

// ---- doc.cpp ----

struct DocRequest {
  std::string name;    // "exp", or "learner.predict" for what stands inside of a definition
  std::string script;  // whose names are known, too; empty: those of the library and builtins only
  bool all = false;    // a reference of everything, in Markdown
};

int document_names(const DocRequest&);
void print_documentation(const Outline&, const Sources&);

// ---- graph.cpp ----

struct GraphRequest {
  std::string script;
  std::string experiment;  // of the stages `tree` and `checked` any definition; empty: all of them, or the only one
  // "tree": what was read; "checked": what names mean; "graph": expressions with their derivatives; "gradient": what is
  // differentiated, and what that adds; "plan": the steps that run
  std::string stage = "graph";
  std::string form = "text";  // or "dot", "json"
  std::vector<std::string> settings;
  Options options;
};

int print_graph(GraphRequest);

// ---- lsp.cpp ----

// Speaks the Language Server Protocol over standard input and output until the editor ends it.
int serve_editor();

// ---- repl.cpp ----

struct ReplRequest {
  std::string script;  // whose definitions are there from the beginning; empty: none
  bool no_history = false;
  Options options;
};

int run_repl(const ReplRequest&);

}  // namespace metac::dsl
