// greysmtpd: stands between tcpserver and an SMTP server, and greylists. See greysmtpd(8).
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/standard_descriptors.h"
#include "smtpd-glue/greysmtpd/descriptor.h"
#include "smtpd-glue/greysmtpd/give_up.h"
#include "smtpd-glue/greysmtpd/proxy_client.h"
#include "smtpd-glue/greysmtpd/question.h"
#include "smtpd-glue/greysmtpd/refuse.h"
#include "smtpd-glue/greysmtpd/relay.h"
#include "smtpd-glue/greysmtpd/server_process.h"
#include "smtpd-glue/greysmtpd/wrapper_settings.h"
#include "smtpd-glue/libgreylist/greylist.h"

namespace {

using namespace grey::smtp;

constexpr int kExitMisuse = 100;

constexpr const char* kUsage =
    "usage: greysmtpd [--stage=data|rcpt|connect] [--help] [--version] program [argument ...]\n";

enum class Stage { data, rcpt, connect };

// Asks for the session, and makes a reply of it.
class Decider {
 public:
  explicit Decider(WrapperSettings& settings) : settings_(settings) {}

  std::string operator()(const Question& question) {
    const std::string& client = question.client.empty() ? settings_.client : question.client;
    const std::string& name = question.client_name ? *question.client_name : settings_.client_name;
    const greylist_query query{client.c_str(), name.c_str(), question.sender.c_str(),
                               question.recipients.data(), question.recipients.size()};
    char text[GREYLIST_TEXT_MAX + 1];
    const greylist_client about{sizeof(greylist_client),
                                question.helo ? question.helo->c_str() : nullptr,
                                question.spoke_early};
    const int code = settings_.front.check(query, text, sizeof text, &about);
    if (code == 0) return {};
    char reply[GREYLIST_REPLY_MAX + 1];
    return {reply, greylist_reply(code, text, reply, sizeof reply)};
  }

 private:
  WrapperSettings& settings_;
};

// Asks nobody, and tells what the session sends.
class Teller {
 public:
  explicit Teller(WrapperSettings& settings) : settings_(settings) {}

  std::string operator()(const Question& question) {
    (void)settings_.front.tell_sent(question.sender.c_str(), question.recipients);
    return {};
  }

 private:
  WrapperSettings& settings_;
};

// True when it was ignored before.
bool ignore_sigpipe() {
  return signal(SIGPIPE, SIG_IGN) == SIG_IGN;
}

int refuse_client(const WrapperSettings& settings, std::string_view reply) {
  ignore_sigpipe();
  give_up_all_but_the_session();
  RefusalSession session(settings.host, reply, settings.jgreylist.max_recipients);
  refuse(session, STDIN_FILENO, STDOUT_FILENO, settings.jgreylist.session_seconds * 1000);
  return 0;
}

int decide_at_once(char** program, WrapperSettings& settings) {
  const Question question{{}, {}, std::string(kAnySender), std::string(kAnyRecipient)};
  const std::string reply = Decider(settings)(question);
  return reply.empty() ? exec_server(program) : refuse_client(settings, reply);
}

template <typename Answerer>
int stand_between(char** program, WrapperSettings& settings, AskAt ask_at) {
  const bool sigpipe_was_ignored = ignore_sigpipe();
  ServerProcess server;
  if (!start_server(program, sigpipe_was_ignored, server)) return kExitSystemFailure;
  // The server runs, and has all that it was given.
  give_up_all_but_the_session();
  SmtpSession session(ask_at, settings.tls_aside ? Tls::aside : Tls::in_stream);
  relay(session, {STDIN_FILENO, STDOUT_FILENO, server.socket}, Answerer(settings));
  // The client is let go before the server, which may take its time to end.
  close(server.socket);
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  return wait_for(server);
}

int serve(char** program, Stage stage) {
  if (!take_proxy_header(STDIN_FILENO, STDOUT_FILENO)) return 0;
  WrapperSettings settings = read_wrapper_settings();
  if (settings.tells_sent) return stand_between<Teller>(program, settings, AskAt::data);
  if (settings.exempt) return exec_server(program);
  const std::string& refusal = settings.jgreylist.refusal;
  if (!refusal.empty()) return refuse_client(settings, refusal);
  switch (stage) {
    case Stage::connect:
      return decide_at_once(program, settings);
    case Stage::rcpt:
      return stand_between<Decider>(program, settings, AskAt::rcpt);
    case Stage::data:
      break;
  }
  return stand_between<Decider>(program, settings, AskAt::data);
}

std::optional<Stage> parse_stage(std::string_view text) {
  if (text == "data") return Stage::data;
  if (text == "rcpt") return Stage::rcpt;
  if (text == "connect") return Stage::connect;
  return std::nullopt;
}

int misuse(const std::string& what) {
  log_line(what);
  return kExitMisuse;
}

}  // namespace

int main(int argc, char** argv) {
  static const option kOptions[] = {{"help", no_argument, nullptr, 'h'},
                                    {"version", no_argument, nullptr, 'v'},
                                    {"stage", required_argument, nullptr, 's'},
                                    {}};
  if (!grey::open_standard_descriptors()) return kExitSystemFailure;  // and nowhere to say it
  auto stage = Stage::data;
  opterr = 0;
  for (int chosen; (chosen = getopt_long(argc, argv, "+:", kOptions, nullptr)) != -1;) {
    switch (chosen) {
      case 'h':
        return fputs(kUsage, stdout) < 0 ? kExitSystemFailure : 0;
      case 'v':
        return puts("greysmtpd " GREY_VERSION) < 0 ? kExitSystemFailure : 0;
      case 's': {
        const auto parsed = parse_stage(optarg);
        if (!parsed) return misuse("bad value of --stage: " + std::string(optarg));
        stage = *parsed;
        break;
      }
      case ':':
        return misuse("no value given: " + std::string(argv[optind - 1]));
      default:
        return misuse("unknown option " + std::string(argv[optind - 1]));
    }
  }
  if (optind == argc) return misuse("no program given; " + std::string(kUsage, strlen(kUsage) - 1));
  return serve(argv + optind, stage);
}
