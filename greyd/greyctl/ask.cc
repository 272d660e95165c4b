#include "greyd/greyctl/ask.h"

#include <utility>

namespace grey::greyctl {

Result<LastLine> ask(Channel& channel, const std::string& request, const TakeLine& take,
                     bool patient) {
  if (auto sent = channel.send(request); !sent) return tl::make_unexpected(sent.error());
  return answer_of(channel, take, patient);
}

Result<LastLine> answer_of(Channel& channel, const TakeLine& take, bool patient) {
  for (;;) {
    auto line = channel.receive(patient);
    if (!line) return tl::make_unexpected(line.error());
    if (!*line) return failure("the daemon has gone before its answer was whole");
    auto object = nlohmann::json::parse(**line, nullptr, false);
    if (!object.is_object()) return failure("the answer is no object of JSON: " + **line);
    if (object.contains("error")) {
      return tl::make_unexpected(
          Error{object.value("error", ""), object.value("exit_code", kExitSystemFailure)});
    }
    if (object.contains("done")) return LastLine{std::move(object), std::move(**line)};
    take(object, **line);
  }
}

}  // namespace grey::greyctl
