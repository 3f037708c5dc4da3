// Catches what work on a script throws, in one place.
#include "driver/outcome.hpp"

#include <fmt/format.h>

#include <new>

#include "base/error.hpp"
#include "driver/script_file.hpp"
#include "driver/session.hpp"

namespace metac::dsl {
namespace {

// A mistake in what several experiments share is told once.
void add_once(Report& report, const Diagnostic& diagnostic) {
  for (const auto& known : report.all())
    if (known.code == diagnostic.code && known.span == diagnostic.span && known.message == diagnostic.message) return;
  report.add(diagnostic);
}

}  // namespace

Outcome reported(Report& report, const std::string& to_do, const std::function<void()>& work) {
  try {
    work();
    return Outcome::done;
  } catch (const Failure& failure) {
    add_once(report, failure.diagnostic);
    return failure.out_of_memory ? Outcome::failed : Outcome::wrong_script;
  } catch (const RunFailure& failure) {
    report.add(failure.diagnostic);
    return Outcome::failed;
  } catch (const Interrupted&) {
    return Outcome::interrupted;
  } catch (const Error& error) {
    add_plain(report, "E0008", error.what());
    return Outcome::failed;
  } catch (const std::bad_alloc&) {
    add_plain(report, "E0007", fmt::format("there is not enough memory to {}", to_do));
    return Outcome::failed;
  }
}

}  // namespace metac::dsl
