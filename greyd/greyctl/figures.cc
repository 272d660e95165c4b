#include "greyd/greyctl/figures.h"

#include <utility>

#include "greyd/greyctl/ask.h"

namespace grey::greyctl {

Result<Figures> ask_for_figures(Channel& channel) {
  Figures figures;
  for (const auto& [command, into] :
       {std::pair{"status", &figures.status}, std::pair{"stats", &figures.stats}}) {
    auto answer = ask(channel, nlohmann::json{{"command", command}}.dump(), [](auto&&...) {});
    if (!answer) return tl::make_unexpected(answer.error());
    *into = std::move(answer->object);
  }
  return figures;
}

}  // namespace grey::greyctl
