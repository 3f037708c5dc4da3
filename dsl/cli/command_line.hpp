// The command line: which commands there are, what each takes, and which one was asked for.
#pragma once

namespace metac::dsl {

// Reads the arguments and does what they ask. The exit code; 2 if they are wrong, after saying why.
int perform(int argc, char** argv);

}  // namespace metac::dsl
