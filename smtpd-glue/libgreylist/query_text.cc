#include "smtpd-glue/libgreylist/query_text.h"

#include <string.h>

#include <optional>

#include "smtpd-glue/libgreylist/digest.h"

namespace grey::glue {
namespace {

constexpr std::size_t kDigestText = 1 + Digest::kSize;  // '#' and the digits

void write_digest(const Digest& digest, char* out) {
  *out = '#';
  digest.write(out + 1);
}

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// A client's address without its zone ("fe80::1%eth0", RFC 4007), which names an interface of this
// host and not the client, and which not every daemon knows. Nothing when it is no address.
std::optional<std::string_view> client_of(std::string_view text) {
  if (!Ip::parse_client(text)) return std::nullopt;
  const std::size_t zone = text.find('%');
  return zone == std::string_view::npos ? text : std::string_view(text.data(), zone);
}

// "@domain" of an address, or nothing when it has none that is short enough.
std::string_view domain_of(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || address.size() - at > 1 + kLongestDomain) return {};
  return {address.data() + at, address.size() - at};  // substr() may throw
}

// An address as it is sent; `address` itself, or text of its own.
class ShortAddress {
 public:
  explicit ShortAddress(std::string_view address) : view_(address) {
    if (address.size() <= kLongestAddress) return;
    const std::string_view domain = domain_of(address);
    const std::size_t beginning = kLongestAddress - kDigestText - domain.size();
    Digest digest;
    digest.add_folded(address);
    memcpy(text_, address.data(), beginning);
    write_digest(digest, text_ + beginning);
    if (!domain.empty()) memcpy(text_ + beginning + kDigestText, domain.data(), domain.size());
    view_ = {text_, kLongestAddress};
  }
  ShortAddress(const ShortAddress&) = delete;
  ShortAddress& operator=(const ShortAddress&) = delete;
  std::string_view view() const { return view_; }

 private:
  std::string_view view_;
  char text_[kLongestAddress];
};
static_assert(kDigestText + 1 + kLongestDomain < kLongestAddress);

std::size_t field_size(std::string_view address) {
  return kField + (address.size() < kLongestAddress ? address.size() : kLongestAddress);
}

// Of a datagram that is signed.
wire::Mac mac_in(std::string_view datagram) {
  wire::KeyField field;
  (void)wire::find_key_field(datagram, field);
  return field.mac;
}

// How many of `fields`, `most` of them, fit into `room` octets; and whether those are all.
struct Fit {
  std::size_t count = 0;
  bool all = true;
};
Fit fit(std::string_view fields, std::size_t room, std::size_t most) {
  Fit fit;
  while (const auto recipient = next_recipient(fields)) {
    const std::size_t size = field_size(*recipient);
    if (size > room || fit.count == most) {
      fit.all = false;
      return fit;
    }
    room -= size;
    ++fit.count;
  }
  return fit;
}

// Stands for all of `fields` but the first `count`.
void write_rest(wire::QueryWriter& writer, std::string_view fields, std::size_t count) {
  Digest digest;
  for (std::size_t i = 0; const auto recipient = next_recipient(fields); ++i) {
    if (i < count) continue;
    digest.add_folded(*recipient);
    digest.add('\0');
  }
  char text[kDigestText];
  static_assert(sizeof text == 1 + wire::kRestDigits);
  write_digest(digest, text);
  writer.field('T', {text, sizeof text});
}

void write_recipients(wire::QueryWriter& writer, std::string_view fields, std::size_t room) {
  Fit sent = fit(fields, room, kMaxRecipients);
  if (!sent.all) {
    sent = fit(fields, room - kField - kDigestText, kMaxRecipients - 1);
    write_rest(writer, fields, sent.count);
  }
  for (; sent.count > 0; --sent.count)
    writer.field('T', ShortAddress(*next_recipient(fields)).view());
}

}  // namespace

std::optional<std::string_view> next_recipient(std::string_view& fields) {
  while (!fields.empty()) {
    const void* nul = memchr(fields.data(), '\0', fields.size());
    const std::size_t size =
        nul == nullptr ? fields.size() : std::size_t(static_cast<const char*>(nul) - fields.data());
    const std::string_view field(fields.data(), size);
    fields.remove_prefix(nul == nullptr ? size : size + 1);
    if (!field.empty() && field[0] == 'T') return std::string_view(field.data() + 1, size - 1);
  }
  return std::nullopt;
}

Datagram write_query(const greylist_query& query, std::size_t max_data, Wanted wanted, char* buffer,
                     std::size_t capacity, const Signing* signing, Additions additions,
                     const Told& told) {
  Datagram datagram;
  const auto client = client_of(text_of(query.client));
  const ShortAddress sender(text_of(query.sender));
  std::string_view recipients;
  if (query.recipients != nullptr) recipients = {query.recipients, query.recipients_size};
  Asked asked{text_of(query.client_name), wanted, signing, told};
  if (asked.client_name.size() > 255) asked.client_name = {};  // no host name (RFC 1035)

  std::string_view others = recipients;
  const auto first = next_recipient(others);
  if (!first || !client) return datagram;
  const std::size_t reserved = size_of(additions, asked);
  const std::size_t envelope = kField + client->size() + kField + sender.view().size();
  const std::size_t least =
      envelope + kField + kDigestText + field_size(*first) + reserved + 1;  // with the final NUL
  const std::size_t most = least > max_data ? least : max_data;
  if (most < capacity) capacity = most;
  if (least > capacity) return datagram;

  wire::QueryWriter writer(buffer, capacity - reserved);
  writer.field('I', *client);
  writer.field('F', sender.view());
  write_recipients(writer, recipients, capacity - reserved - envelope - 1);
  datagram.envelope = writer.finish() - 1;  // the additions begin over the final NUL
  Digest question;
  question.add({buffer, datagram.envelope});
  question.write(datagram.tag.text);
  datagram.size = write_additions(additions, asked, datagram.tag, buffer, datagram.envelope);
  datagram.addition = buffer[datagram.envelope];
  if (signing != nullptr) datagram.mac = mac_in({buffer, datagram.size});
  return datagram;
}

Question::Question(const greylist_query& query, std::size_t max_data, Wanted wanted,
                   const Signing* signing, const Told& told)
    : whole_(write_query(query, max_data, wanted, whole_data_, sizeof whole_data_, signing,
                         query_additions(), told)) {
  if (whole_.size <= sizeof brief_data_) return;
  brief_ = write_query(query, sizeof brief_data_, wanted, brief_data_, sizeof brief_data_, signing,
                       query_additions(), told);
}

void Question::sign(const Signing& signing) {
  constexpr std::size_t kEnd = 2;  // NULs: of the field, and of the query
  const auto sign_one = [&](Datagram& datagram, char* data) {
    if (datagram.size == 0) return;
    const std::size_t before = datagram.size - kEnd - wire::key_field_size(signing.key.id());
    datagram.mac = wire::write_key_field(signing.key, signing.time, signing.nonce, data, before);
  };
  sign_one(whole_, whole_data_);
  sign_one(brief_, brief_data_);
}

bool Question::is_signed_answer(const wire::Secret& secret, std::string_view answer) const {
  if (answer.size() < wire::kMacSize) return false;
  const std::string_view octets(answer.data(), answer.size() - wire::kMacSize);
  if (octets.size() > wire::SignedAnswer::kMostOctets) return false;
  wire::Mac mac;
  memcpy(mac.data(), answer.data() + octets.size(), mac.size());
  const auto is_to = [&](const Datagram& datagram) {
    return datagram.size > 0 &&
           wire::is_same(mac,
                         wire::mac_of(secret, wire::SignedAnswer(datagram.mac, octets).view()));
  };
  return is_to(whole_) || is_to(brief_);
}

// There is always an octet behind the envelope: the letter of the first addition, which is the
// final NUL of the plain form.
std::string_view Question::datagram(bool brief, Form form) {
  const bool is_brief = brief && brief_.size > 0;
  const Datagram& datagram = is_brief ? brief_ : whole_;
  char* const data = is_brief ? brief_data_ : whole_data_;
  const bool is_plain = form == Form::plain;
  data[datagram.envelope] = is_plain ? '\0' : datagram.addition;
  return {data, is_plain ? datagram.envelope + 1 : datagram.size};
}

}  // namespace grey::glue
