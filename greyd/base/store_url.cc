#include "greyd/base/store_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "greyd/base/text.h"
#include "greyd/wire/ip.h"

namespace grey {
namespace {

constexpr std::size_t kMaxHost = 253;  // octets of a name's text (RFC 1035, 2.3.4)
constexpr std::size_t kMaxName = 128;  // of a user or a master: ours

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool consists_of_names(std::string_view text, std::string_view others) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || others.find(c) != std::string_view::npos;
  });
}

tl::unexpected<Error> fault(const std::string& what) {
  return misuse(what);
}

// What stands before the first `mark`, taken off `text` with it; all of it where there is none.
std::string_view take(std::string_view& text, char mark) {
  const std::size_t end = text.find(mark);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

std::optional<unsigned> read_number(std::string_view text, unsigned most) {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || rest != end || number > most) return std::nullopt;
  return number;
}

Result<StorePlace> read_place(std::string_view text, std::uint16_t default_port) {
  StorePlace place{{}, default_port};
  const std::string where = "'" + to_word(text) + "'";
  std::string_view host = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return fault("']' is missing in " + where);
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    has_port = !port.empty();
    if (has_port && !port.starts_with(':'))
      return fault("nothing but :PORT follows ']' in " + where);
    if (has_port) port.remove_prefix(1);
    const std::optional<Ip> ip = Ip::parse(host);
    if (!ip || host.find(':') == std::string_view::npos) {
      return fault("no IPv6 address stands in the brackets of " + where);
    }
  } else {
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
      return fault("an IPv6 address is written in brackets: [" + to_word(text) + "]");
    }
    has_port = colon != std::string_view::npos;
    if (has_port) {
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
    }
    if (host.empty()) return fault("a host is missing" + (text.empty() ? "" : " in " + where));
    if (!is_store_host(host)) return fault("no host name or address: '" + to_word(host) + "'");
  }
  if (has_port) {
    const std::optional<unsigned> number = read_number(port, 65535);
    if (!number || *number == 0) return fault("no port from 1 to 65535 in " + where);
    place.port = std::uint16_t(*number);
  }
  place.host = to_lower(host);
  return place;
}

// Whether somebody has tried to give a password, be it one with a '/' or '@' in it.
bool has_password(std::string_view text) {
  const std::size_t at = text.rfind('@');
  return at != std::string_view::npos &&
         text.substr(0, at).find_first_of(":@") != std::string_view::npos;
}

// The text between '//' and the first '/'.
Result<void> read_authority(std::string_view text, std::uint16_t default_port, StoreUrl& url) {
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view user = text.substr(0, at);
    if (!consists_of_names(user, "._-+") || user.size() > kMaxName) {
      return fault("a user's name has letters, digits and '.', '_', '-', '+': '" + to_word(user) +
                   "'");
    }
    url.user = user;
    text.remove_prefix(at + 1);
  }
  do {
    const bool last = text.find(',') == std::string_view::npos;
    Result<StorePlace> place = read_place(take(text, ','), default_port);
    if (!place) return tl::make_unexpected(place.error());
    if (std::find(url.places.begin(), url.places.end(), *place) != url.places.end()) {
      return fault(to_string(*place) + " is named twice");
    }
    url.places.push_back(std::move(*place));
    if (last) break;
  } while (true);
  return {};
}

Result<void> read_database(std::string_view text, StoreUrl& url) {
  if (text.empty()) return {};
  const std::optional<unsigned> number = read_number(text, kMaxDatabase);
  if (!number) {
    return fault("a database is a number from 0 to " + std::to_string(kMaxDatabase) + ": '" +
                 to_word(text) + "'");
  }
  url.database = *number;
  return {};
}

Result<void> read_master(std::string_view& path, StoreUrl& url) {
  const std::string_view name = take(path, '/');
  if (name.empty()) {
    return fault("the Sentinels' name for the store is missing: redis+sentinel://HOST,.../NAME");
  }
  if (!consists_of_names(name, "._-") || name.size() > kMaxName) {
    return fault("a Sentinel's name for a store has letters, digits and '.', '_', '-': '" +
                 to_word(name) + "'");
  }
  url.master = name;
  return {};
}

}  // namespace

bool is_store_host(std::string_view host) {
  if (host.size() > kMaxHost) return false;
  if (Ip::parse(host)) return true;
  if (!consists_of_names(host, "._-") || host.starts_with('.') || host.starts_with('-') ||
      host.find("..") != std::string_view::npos) {
    return false;
  }
  // getaddrinfo(3) takes "10.1" for 10.0.0.1, and "010.0.0.1" for 8.0.0.1.
  return host.find_first_not_of("0123456789.") != std::string_view::npos;
}

Result<StoreUrl> parse_store_url(std::string_view text) {
  constexpr std::string_view kPlain = "redis", kSentinel = "redis+sentinel";
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    // What it is instead may hold a password.
    return fault("a store is redis://HOST[:PORT][/DATABASE] or redis+sentinel://HOST,.../NAME");
  }
  const std::string scheme = to_lower(text.substr(0, colon));
  text.remove_prefix(colon + 3);
  // Before anything of it is repeated.
  if (has_password(text)) {
    return fault(
        "a password does not stand in the URL, where ps(1) shows it: put it into a file and "
        "name that with --store-password-file");
  }
  if (scheme == "rediss" || scheme == "rediss+sentinel") {
    return fault(
        "TLS (rediss://) is not spoken here: have stunnel or a tunnel between the hosts carry "
        "redis://");
  }
  if (scheme != kPlain && scheme != kSentinel) {
    return fault("a store begins with redis:// or redis+sentinel://, not with '" + to_word(scheme) +
                 "://'");
  }
  const bool sentinels = scheme == kSentinel;

  StoreUrl url;
  const bool has_path = text.find('/') != std::string_view::npos;
  const std::string_view authority = take(text, '/');
  if (Result<void> read = read_authority(authority, sentinels ? kSentinelPort : kRedisPort, url);
      !read) {
    return tl::make_unexpected(read.error());
  }
  if (!sentinels && url.places.size() > 1) {
    return fault("one server is named, or several Sentinels: redis+sentinel://HOST,.../NAME");
  }
  if (url.places.size() > kMaxSentinels) {
    return fault("more than " + std::to_string(kMaxSentinels) + " Sentinels are named");
  }
  // Client libraries take options there, and passwords.
  if (text.find_first_of("?#@") != std::string_view::npos) {
    return fault(std::string("no '?', '#' or '@' stands behind the host: nothing follows the ") +
                 (sentinels ? "NAME but /DATABASE" : "HOST but :PORT and /DATABASE"));
  }
  if (sentinels) {
    if (Result<void> read = read_master(text, url); !read) return tl::make_unexpected(read.error());
  }
  if (has_path) {
    if (Result<void> read = read_database(text, url); !read)
      return tl::make_unexpected(read.error());
  }
  return url;
}

std::string to_string(const StorePlace& place) {
  const bool v6 = place.host.find(':') != std::string::npos;
  return (v6 ? "[" + place.host + "]" : place.host) + ":" + std::to_string(place.port);
}

std::string to_string(const StoreUrl& url) {
  std::string text = url.has_sentinels() ? "redis+sentinel://" : "redis://";
  if (!url.user.empty()) text += url.user + "@";
  for (std::size_t i = 0; i < url.places.size(); ++i) {
    text += (i == 0 ? "" : ",") + to_string(url.places[i]);
  }
  if (url.has_sentinels()) text += "/" + url.master;
  return text + "/" + std::to_string(url.database);
}

}  // namespace grey
