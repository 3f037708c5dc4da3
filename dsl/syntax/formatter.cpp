// The canonical text of a module. Tokens are those of the source; what changes is the space between them: two blanks
// of indentation for each block, a fixed space round each token, at most one empty line. Where the writer broke a
// line, a break stays; where a block was on one line, it stays there. What goes on inside ( ) or [ ] stands below the
// first thing in the bracket, or two blanks further in if that begins on the next line. Comments that stood below each
// other at the ends of lines still do; in a list over several lines, blanks in front of items stay: it may be a table.
#include <algorithm>

#include "syntax/marks.hpp"
#include "syntax/syntax.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

constexpr int indent_step = 2;

struct Piece {
  Token token;
  std::string_view text;
  int line_breaks = 0;      // in the source, between the piece before and this one
  bool multi_line = false;  // of a `{`: its block stands on several lines
  bool empty = false;       // of a `{`: nothing inside
  int column = 0;           // in the source, in characters
  int blanks = 0;           // in the source, right before this one
};

int count_characters(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<Piece> read_pieces(std::string_view text) {
  std::vector<Piece> pieces;
  std::vector<std::size_t> open;
  int line_breaks = 0;
  std::uint32_t line_begin = 0, last_end = 0;
  for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
    if (token.kind == TokenKind::newline) {
      ++line_breaks;
      line_begin = last_end = token.end;
      if (!open.empty()) pieces[open.back()].multi_line = true;
      continue;
    }
    const std::string_view words = view(text, token);
    const bool closes = token.kind == TokenKind::symbol && (words == ")" || words == "]" || words == "}");
    const bool opens = token.kind == TokenKind::symbol && (words == "(" || words == "[" || words == "{");
    if (closes && !open.empty()) {
      if (open.back() + 1 == pieces.size()) pieces.back().empty = true;
      open.pop_back();
    }
    const int column = count_characters(text.substr(line_begin, token.begin - line_begin));
    pieces.push_back({token, words, line_breaks, false, false, column, static_cast<int>(token.begin - last_end)});
    last_end = token.end;
    if (opens) open.push_back(pieces.size() - 1);
    line_breaks = 0;
  }
  return pieces;
}

class Formatter {
 public:
  Formatter(std::string_view text, const Marks& marks) : marks_(marks), pieces_(read_pieces(text)) {}

  std::string run() {
    for (at_ = 0; at_ < pieces_.size(); ++at_) add(pieces_[at_]);
    if (!out_.empty()) out_ += '\n';
    align_comments();
    return std::move(out_);
  }

 private:
  struct Bracket {
    const Piece* opening;
    int line_indent;   // of the line it was opened on
    int inner_indent;  // of lines inside
    bool table;        // it is a list on several lines, or inside of one
  };
  // A comment behind other things.
  struct TrailingComment {
    std::size_t at;  // in what was written
    int line, column;
    int source_column;
  };

  void add(const Piece& piece) {
    breaks_ += piece.line_breaks;
    if (is_separator(piece)) {
      separator_ = piece.text;
      return;
    }
    const bool closes = is_symbol(piece, ")") || is_symbol(piece, "]") || is_symbol(piece, "}");
    if (last_ && breaks_before(piece)) {
      start_line(piece, closes);
    } else if (last_) {
      if (!separator_.empty() && !closes && piece.token.kind != TokenKind::comment && !is_symbol(*last_, "{"))
        out_ += separator_;
      out_.append(space_before(piece), ' ');
      if (piece.token.kind == TokenKind::comment) comments_.push_back({out_.size(), line_, column(), piece.column});
    }
    separator_ = {};
    breaks_ = 0;
    write(piece, closes);
  }

  void write(const Piece& piece, bool closes) {
    std::string_view words = piece.text;
    while (piece.token.kind == TokenKind::comment && (words.ends_with(' ') || words.ends_with('\t')))
      words.remove_suffix(1);
    out_ += words;
    after_wide_colon_ = last_ && is_symbol(piece, ":") && is_wide_colon();
    if (closes && !brackets_.empty()) {
      indent_ = brackets_.back().line_indent;  // what follows goes on with the line of the opening bracket
      brackets_.pop_back();
    }
    if (is_symbol(piece, "(") || is_symbol(piece, "[") || is_symbol(piece, "{")) open(piece);
    last_ = &piece;
  }

  void open(const Piece& piece) {
    const Piece* next = at_ + 1 < pieces_.size() ? &pieces_[at_ + 1] : nullptr;
    const bool begins_here =
        piece.text != "{" && next && next->line_breaks == 0 && next->token.kind != TokenKind::comment;
    const bool list = piece.text == "[" && piece.multi_line && marks_.groups.contains(piece.token.begin);
    const bool table = list || (piece.text != "{" && !brackets_.empty() && brackets_.back().table);
    brackets_.push_back({&piece, indent_, begins_here ? column() : indent_ + indent_step, table});
  }

  // Of what is written next, in characters.
  int column() const {
    const std::size_t line_begin = out_.rfind('\n') + 1;  // npos + 1 is 0
    return count_characters(std::string_view(out_).substr(line_begin));
  }

  // Moves comments that stood in one column, on lines in a row, to one column again.
  void align_comments() {
    std::string aligned;
    std::size_t written = 0;
    for (auto first = comments_.begin(); first != comments_.end();) {
      auto end = first + 1;
      while (end != comments_.end() && end->line == (end - 1)->line + 1 && end->source_column == first->source_column)
        ++end;
      const auto by_column = [](const auto& a, const auto& b) { return a.column < b.column; };
      const int column = std::max_element(first, end, by_column)->column;
      for (; first != end; ++first) {
        aligned.append(out_, written, first->at - written);
        aligned.append(column - first->column, ' ');
        written = first->at;
      }
    }
    out_ = aligned + out_.substr(written);
  }

  // `;` anywhere, `,` among options: written only where something follows on the line.
  bool is_separator(const Piece& piece) const {
    if (is_symbol(piece, ";")) return true;
    return is_symbol(piece, ",") && in_braces() && !brackets_.empty();
  }

  bool is_symbol(const Piece& piece, std::string_view symbol) const {
    return piece.token.kind != TokenKind::comment && piece.text == symbol;
  }
  bool in_braces() const { return brackets_.empty() || is_symbol(*brackets_.back().opening, "{"); }
  bool starts(const Piece& piece) const { return marks_.starts.contains(piece.token.begin); }

  bool breaks_before(const Piece& piece) const {
    const bool comment = piece.token.kind == TokenKind::comment;
    if (last_->token.kind == TokenKind::comment) return true;
    if (comment) return breaks_ > 0;
    if (is_symbol(piece, "}") && in_braces() && !brackets_.empty()) {
      return brackets_.back().opening->multi_line && !brackets_.back().opening->empty;
    }
    if (is_symbol(*last_, "{")) return last_->multi_line;
    if (breaks_ == 0) return false;
    if (is_symbol(piece, "{")) return false;
    return !(piece.text == "else" && is_symbol(*last_, "}"));
  }

  void start_line(const Piece& piece, bool closes) {
    const bool comment = piece.token.kind == TokenKind::comment;
    const bool after_opening = is_symbol(*last_, "{") || is_symbol(*last_, "(") || is_symbol(*last_, "[");
    const bool parted = breaks_ > 1 && !after_opening && !closes && (starts(piece) || (comment && !continues(piece)));
    out_ += parted ? "\n\n" : "\n";
    line_ += parted ? 2 : 1;
    indent_ = indentation(piece, closes);
    out_.append(indent_, ' ');
  }

  int indentation(const Piece& piece, bool closes) const {
    if (brackets_.empty()) return continues(piece) ? indent_step : 0;
    const Bracket& inner = brackets_.back();
    if (closes) return inner.line_indent;
    return inner.inner_indent + (in_braces() && continues(piece) ? indent_step : 0);
  }

  // Whether the piece, or what stands below the comment that it is, goes on with a statement begun above.
  bool continues(const Piece& piece) const {
    if (!in_braces()) return false;
    const Piece* below = &piece;
    while (below->token.kind == TokenKind::comment) {
      if (below == &pieces_.back()) return false;
      ++below;
    }
    if (below->text == ";" || below->text == "," || below->text == "}") return false;
    return !starts(*below);
  }

  std::size_t space_before(const Piece& piece) const {
    if (piece.token.kind == TokenKind::comment) return 2;
    const std::size_t least = is_tight(piece) ? 0 : 1;
    return begins_item_of_table(piece) ? std::max<std::size_t>(least, piece.blanks) : least;
  }

  bool begins_item_of_table(const Piece& piece) const {
    if (brackets_.empty() || !brackets_.back().table) return false;
    if (is_symbol(piece, ",") || is_symbol(piece, "]") || is_symbol(piece, ")")) return false;
    const bool opened = is_symbol(*last_, "[") || is_symbol(*last_, "(");
    return is_symbol(*last_, ",") || (opened && marks_.groups.contains(last_->token.begin));
  }

  bool is_tight(const Piece& piece) const {
    const std::string_view left = last_->token.kind == TokenKind::symbol ? last_->text : std::string_view();
    const std::string_view right = piece.token.kind == TokenKind::symbol ? piece.text : std::string_view();
    const bool in_index = !brackets_.empty() && is_symbol(*brackets_.back().opening, "[");
    if (right == "," || right == ")" || right == "]") return true;
    if (right == ":") return left != "," && !is_wide_colon();
    if (left == "(" || left == "[") return true;
    if (left == ":" && in_index) return !after_wide_colon_;
    if (left == "{" && right == "}") return true;
    if (left == "." || right == "." || left == ".." || right == ".." || left == "^" || right == "^") return true;
    if (left == "-" && marks_.prefixes.contains(last_->token.begin)) return true;
    if (right == "(" || right == "[") return opens_tightly(piece);
    return false;
  }

  // Of the `:` to be written next: whether it parts the ends of a wide slice.
  bool is_wide_colon() const { return marks_.wide_slices.contains(last_->token.end); }

  // The bracket of a call, an index, a shape or parameters.
  bool opens_tightly(const Piece& piece) const {
    if (marks_.groups.contains(piece.token.begin) || last_->text == "fn") return false;
    const std::string_view left = last_->text;
    return last_->token.kind != TokenKind::symbol || left == ")" || left == "]" || left == "}";
  }

  const Marks& marks_;
  std::vector<Piece> pieces_;
  std::vector<Bracket> brackets_;
  std::string out_;
  std::string_view separator_;   // left out so far
  const Piece* last_ = nullptr;  // written last
  std::size_t at_ = 0;
  int breaks_ = 0;  // line breaks in the source since then
  int indent_ = 0;  // of the present line
  bool after_wide_colon_ = false;
  std::vector<TrailingComment> comments_;
  int line_ = 0;  // being written
};

}  // namespace

std::string print(const Module& module, const Sources& sources) {
  const Marks marks = find_marks(module);
  return Formatter(sources.text(module.file), marks).run();
}

}  // namespace metac::dsl
