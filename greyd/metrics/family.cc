#include "greyd/metrics/family.h"

#include <algorithm>

#include "greyd/base/append.h"

namespace grey::metrics {
namespace {

using Type = Family::Type;

std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : {"seconds", "bytes"}) {
    if (name.ends_with(unit)) return unit;
  }
  return {};
}

// Both forms escape these three in the value of a label. (Help texts are our own, and have none.)
void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
}

class Writer {
 public:
  explicit Writer(Format format) : open_(format == Format::openmetrics) {}

  void add(const Family& family) {
    if (family.samples.empty() && !family.histogram) return;
    describe(family);
    for (const Sample& sample : family.samples) {
      add_line(family.name, suffix_of(family.type), sample.labels, sample.value);
    }
    if (family.histogram) add(family.name, *family.histogram);
  }
  std::string end() {
    if (open_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  static std::string_view suffix_of(Type type) {
    if (type == Type::counter) return "_total";
    return type == Type::info ? "_info" : "";
  }
  // The text form knows no info.
  std::string_view name_of(Type type) const {
    switch (type) {
      case Type::counter:
        return "counter";
      case Type::histogram:
        return "histogram";
      case Type::info:
        return open_ ? "info" : "gauge";
      case Type::gauge:
        break;
    }
    return "gauge";
  }

  // OpenMetrics describes a family, the text form the samples that have its whole name.
  void describe(const Family& family) {
    const std::string name =
        open_ ? family.name : family.name + std::string(suffix_of(family.type));
    out_.append("# HELP ").append(name).append(" ").append(family.help).append("\n# TYPE ");
    out_.append(name).append(" ").append(name_of(family.type)).append("\n");
    if (const auto unit = unit_of(family.name); open_ && !unit.empty()) {
      out_.append("# UNIT ").append(name).append(" ").append(unit).append("\n");
    }
  }

  void add(const std::string& name, const Histogram& histogram) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      below += histogram.counts[i];
      add_line(name, "_bucket", {{"le", bound_of(histogram, i)}}, below);
    }
    add_line(name, "_sum", {}, histogram.sum);
    add_line(name, "_count", {}, below);
  }
  // OpenMetrics wants a float to look like one.
  std::string bound_of(const Histogram& histogram, std::size_t i) const {
    if (i >= histogram.bounds.size()) return "+Inf";
    return std::to_string(histogram.bounds[i]) + (open_ ? ".0" : "");
  }

  void add_line(const std::string& name, std::string_view suffix, const Labels& labels,
                std::uint64_t value) {
    out_.append(name).append(suffix);
    char before = '{';
    for (const auto& [label, text] : labels) {
      out_.append(1, before).append(label).append("=\"");
      append_escaped(out_, text);
      out_ += '"';
      before = ',';
    }
    if (!labels.empty()) out_ += '}';
    out_ += ' ';
    append_number(out_, value);
    out_ += '\n';
  }

  const bool open_;
  std::string out_;
};

}  // namespace

std::string_view media_type(Format format) {
  return format == Format::openmetrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

std::string to_text(std::span<const Family> families, Format format) {
  Writer writer(format);
  for (const Family& family : families) writer.add(family);
  return writer.end();
}

}  // namespace grey::metrics
