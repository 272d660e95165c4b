#include "greyd/http/http_engine.h"

#include <httplib.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

namespace grey::http {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return char(std::tolower(c)); });
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool has_token(const std::string& list, std::string_view token) {
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (trimmed(rest.substr(0, comma)) == token) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

// What of a head counts here.
struct Fields {
  std::string_view request_line;
  std::string accept;      // all of them
  std::string connection;  // likewise, in lower case
  std::string host;        // the last
  std::size_t hosts = 0;   // how many there are
  bool body = false;       // one follows
};

Fields read_fields(std::string_view head) {
  Fields fields;
  const auto next_line = [&head] {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    return line;
  };
  const auto append = [](std::string& list, std::string_view value) {
    list.append(list.empty() ? "" : ", ").append(value);
  };
  fields.request_line = next_line();
  while (!head.empty()) {
    const std::string_view line = next_line();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = lower(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "accept") append(fields.accept, value);
    if (name == "connection") append(fields.connection, lower(value));
    if (name == "host") {
      fields.host = value;
      ++fields.hosts;
    }
    if (name == "content-length" && value != "0") fields.body = true;
    if (name == "transfer-encoding") fields.body = true;
  }
  return fields;
}

// Gives the library a head, and takes what it writes.
class Octets : public httplib::Stream {
 public:
  explicit Octets(std::string in) : in_(std::move(in)) {}
  std::string take() { return std::move(out_); }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* into, size_t size) override {
    const std::size_t count = std::min(size, in_.size() - at_);
    std::memcpy(into, in_.data() + at_, count);
    at_ += count;
    return ssize_t(count);
  }
  ssize_t write(const char* from, size_t size) override {
    out_.append(from, size);
    return ssize_t(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return 0; }

 private:
  const std::string in_;
  std::size_t at_ = 0;
  std::string out_;
};

// "http://host/path", as one asks a proxy, is "/path" of that host, whatever Host says (RFC 9112,
// 3.2.2).
void split_target(std::string& path, std::string& host) {
  constexpr std::string_view kScheme = "http://";
  if (!path.starts_with(kScheme)) return;
  const std::size_t slash = std::min(path.find('/', kScheme.size()), path.size());
  host = path.substr(kScheme.size(), slash - kScheme.size());
  path = slash == path.size() ? "/" : path.substr(slash);
}

Answer failed() {
  return {500, "text/plain; charset=utf-8", "an error within\n"};
}

}  // namespace

class Engine::Server : public httplib::Server {
 public:
  Server() {
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
      return HandlerResponse::Handled;  // so that nothing more is read or looked for
    });
  }

  Reply respond(std::string_view head, bool last, const Engine::Handler& handler) {
    const Fields fields = read_fields(head);
    const bool is_1_1 = fields.request_line.ends_with(" HTTP/1.1");
    // RFC 9112, 3.2.
    if (fields.hosts > 1 || (is_1_1 && fields.hosts == 0)) return {refusal(400), true};
    const bool ends = last || fields.body || has_token(fields.connection, "close") || !is_1_1;
    std::string cleaned(fields.request_line);
    cleaned.append(ends ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    Octets octets(std::move(cleaned));
    accept_ = fields.accept;
    host_ = fields.host;
    body_ = fields.body;
    handler_ = &handler;
    waits_ = false;
    bool closed = false;
    process_request(octets, ends, closed, nullptr);
    handler_ = nullptr;
    if (waits_) return {std::nullopt, ends};
    return {octets.take(), ends || closed};
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    std::optional<Answer> answer;
    try {
      Request asked{request.method, request.path, accept_, body_, host_};
      split_target(asked.path, asked.host);
      answer = (*handler_)(asked);
      waits_ = !answer;
    } catch (const std::exception&) {
      answer = failed();
    }
    if (waits_) return;
    response.status = answer->status;
    if (!answer->type.empty()) response.set_content(answer->body, answer->type);
    for (const auto& [name, value] : answer->headers) response.set_header(name, value);
    response.set_header("Accept-Ranges", "none");
  }

  std::string accept_, host_;
  bool body_ = false;
  const Engine::Handler* handler_ = nullptr;
  bool waits_ = false;
};

Engine::Engine(long idle, std::size_t most) : server_(std::make_unique<Server>()) {
  server_->set_keep_alive_timeout(idle);
  server_->set_keep_alive_max_count(most);
}
Engine::~Engine() = default;

Engine::Reply Engine::respond(std::string_view head, bool last, const Handler& handler) {
  return server_->respond(head, last, handler);
}

std::string refusal(int status) {
  const char* const reason = status == 414   ? "URI Too Long"
                             : status == 431 ? "Request Header Fields Too Large"
                                             : "Bad Request";
  const std::string text = std::to_string(status) + " " + reason;
  return "HTTP/1.1 " + text +
         "\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Length: " +
         std::to_string(text.size() + 1) + "\r\n\r\n" + text + "\n";
}

}  // namespace grey::http
