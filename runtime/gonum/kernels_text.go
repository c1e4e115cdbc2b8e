package gonum

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"espalier/runtime"
	"espalier/tensor"
)

// textMakers are operators on strings whose kernels are made for a node once,
// from its attributes: tables and regular expressions.
func textMakers() map[string]forms {
	return map[string]forms{
		"com.microsoft.Tokenizer": made(1, 1, newTokenizer, "mark", "mincharnum", "pad_value", "separators", "tokenexp"),
		"RegexFullMatch":          made(20, 20, newRegexFullMatch, "pattern"),
		"StringNormalizer":        made(10, 10, newStringNormalizer, "case_change_action", "is_case_sensitive", "locale", "stopwords"),
	}
}

func textKernels() map[string]forms {
	return map[string]forms{"StringConcat": versions(20, 20, stringConcat), "StringSplit": versions(20, 20, stringSplit, "delimiter", "maxsplit")}
}

// texts returns operand 0, which must be of strings that are valid UTF-8.
func (c *call) texts() (*tensor.Tensor, error) {
	x, err := c.input(0)
	if err != nil {
		return nil, err
	}
	if x.DType() != tensor.String {
		return nil, fmt.Errorf("the operand is %v, not of strings", x)
	}
	for i, s := range x.Strings() {
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("text %d, %q, is not valid UTF-8", i, s)
		}
	}
	return x, nil
}

// stringConcat joins the strings of two operands that broadcast.
func stringConcat(c *call) error {
	a, b, y, err := operands(c, tensor.Undefined)
	if err != nil {
		return err
	}
	if a.DType() != tensor.String {
		return fmt.Errorf("the operands are %v and %v, not of strings", a, b)
	}
	length := 0
	combine(y.Strings(), y.Shape(), a.Strings(), a.Shape(), b.Strings(), b.Shape(), func(p, q string) string {
		if length += len(p) + len(q); length > c.limit {
			return ""
		}
		return p + q
	})
	return c.charge(length)
}

// stringSplit splits at a delimiter or, without one, at runs of spaces, into
// rows that are filled up with "". It does as ONNX Runtime: no other white space
// separates, and an empty text has no parts.
func stringSplit(c *call) error {
	x, err := c.texts()
	if err != nil {
		return err
	}
	delimiter, most := c.attrs.text("delimiter", ""), -1
	if c.attrs["maxsplit"] != nil {
		most = int(min(max(c.attrs.int("maxsplit", 0), -1), MaxElements))
	}
	rows := make([][]string, x.Len())
	counts, err := c.make(1, tensor.Int64, x.Shape())
	if err != nil {
		return err
	}
	for i, s := range x.Strings() {
		switch {
		case s == "":
		case delimiter == "":
			rows[i] = fields(s, most)
		case most < 0:
			rows[i] = strings.Split(s, delimiter)
		default:
			rows[i] = strings.SplitN(s, delimiter, most+1)
		}
		counts.Int64s()[i] = int64(len(rows[i]))
	}
	return c.stringRows(x.Shape(), rows, "")
}

// fields splits at spaces, at most so often from the front; -1 is always.
func fields(s string, most int) []string {
	var out []string
	for {
		s = strings.TrimLeft(s, " ")
		end := strings.IndexByte(s, ' ')
		switch {
		case s == "":
			return out
		case end < 0 || most >= 0 && len(out) == most:
			return append(out, s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
}

// stringRows sets output 0 to rows of strings, one for each element of shape, filled
// up to the longest.
func (c *call) stringRows(shape tensor.Shape, rows [][]string, fill string) error {
	width := 0
	for _, r := range rows {
		width = max(width, len(r))
	}
	y, err := c.make(0, tensor.String, append(slices.Clone(shape), int64(width)))
	if err != nil {
		return err
	}
	out := y.Strings()
	for i, r := range rows {
		row := out[i*width : (i+1)*width]
		for j := copy(row, r); j < width; j++ {
			row[j] = fill
		}
	}
	return nil
}

// newRegexFullMatch compares strings with a regular expression as a whole.
func newRegexFullMatch(a attributes, _ int64) (kernel, error) {
	pattern := a.text("pattern", "")
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, err
	}
	return func(c *call) error {
		x, err := c.texts()
		if err != nil {
			return err
		}
		y, err := c.make(0, tensor.Bool, x.Shape())
		if err != nil {
			return err
		}
		for i, s := range x.Strings() {
			y.Bools()[i] = re.MatchString(s)
		}
		return nil
	}, nil
}

// newStringNormalizer changes the case of strings [n] or [1, n] and leaves out
// stop words. Case is Unicode's; locales in which i and I are no pair are refused.
func newStringNormalizer(a attributes, _ int64) (kernel, error) {
	change := strings.ToUpper(a.text("case_change_action", "NONE"))
	cases := map[string]func(string) string{"NONE": func(s string) string { return s }, "LOWER": lowerCase, "UPPER": upperCase}
	if cases[change] == nil {
		return nil, fmt.Errorf("case_change_action %q is not one of NONE, LOWER, UPPER", change)
	}
	language, _, _ := strings.Cut(strings.ToLower(a.text("locale", "")), "_")
	if language == "tr" || language == "az" {
		return nil, fmt.Errorf("%w: locale %q, which has rules of its own for upper and lower case", runtime.ErrUnsupported, a.text("locale", ""))
	}
	compare := lowerCase
	if a.int("is_case_sensitive", 0) != 0 {
		compare = cases["NONE"]
	}
	stop := map[string]bool{}
	for _, w := range a.texts("stopwords") {
		stop[compare(w)] = true
	}
	return func(c *call) error {
		x, err := c.texts()
		if err != nil {
			return err
		}
		rank := x.Rank()
		if rank < 1 || rank > 2 || rank == 2 && x.Shape()[0] != 1 {
			return fmt.Errorf("the operand is %v, not of shape [n] or [1, n]", x)
		}
		var kept []string
		length := 0
		for _, s := range x.Strings() {
			if len(stop) == 0 || !stop[compare(s)] {
				kept = append(kept, cases[change](s))
				length += len(s)
			}
		}
		if err := c.charge(length); err != nil {
			return err
		}
		if kept == nil {
			kept = []string{""}
		}
		shape := tensor.Shape{1, int64(len(kept))}[2-rank:]
		c.out[0], err = tensor.Of(kept, shape...)
		return err
	}, nil
}

func lowerCase(s string) string { return mapRunes(unicode.ToLower, s) }
func upperCase(s string) string { return mapRunes(unicode.ToUpper, s) }

func mapRunes(f func(rune) rune, s string) string { return strings.Map(f, s) }

// splitter appends the tokens of a text.
type splitter func(dst []string, s string) []string

// newTokenizer makes ONNX Runtime's Tokenizer: the matches of an expression, or
// what stands between separators, or single characters.
func newTokenizer(a attributes, _ int64) (kernel, error) {
	least, mark, pad := int(a.int("mincharnum", 1)), a.int("mark", 0) != 0, a.text("pad_value", "")
	if least < 1 {
		return nil, fmt.Errorf("mincharnum is %d, it must be at least 1", least)
	}
	split, err := newSplitter(a.text("tokenexp", ""), a.texts("separators"), least)
	if err != nil {
		return nil, err
	}
	return func(c *call) error {
		x, err := c.texts()
		if err != nil {
			return err
		}
		if x.Rank() < 1 || x.Rank() > 2 {
			return fmt.Errorf("the operand is %v, not of rank 1 or 2", x)
		}
		if x.Len() == 0 { // as ONNX Runtime has it
			c.out[0], err = tensor.New(tensor.String, slices.Concat(x.Shape()[:x.Rank()-1], tensor.Shape{0})...)
			return err
		}
		rows, some := make([][]string, x.Len()), false
		for i, s := range x.Strings() {
			rows[i] = split(nil, s)
			some = some || len(rows[i]) > 0
		}
		if mark && some {
			for i, row := range rows {
				rows[i] = append(slices.Insert(row, 0, "\x02"), "\x03")
			}
		}
		return c.stringRows(x.Shape(), rows, pad)
	}, nil
}

func newSplitter(expression string, separators []string, least int) (splitter, error) {
	switch {
	case expression != "" && separators != nil:
		return nil, fmt.Errorf("tokenexp and separators are both given; one of them says what a token is")
	case expression != "":
		re, err := longest(expression)
		if err != nil {
			return nil, err
		}
		return func(dst []string, s string) []string {
			for _, m := range re.FindAllStringIndex(s, -1) {
				if token := s[m[0]:m[1]]; utf8.RuneCountInString(token) >= least {
					dst = append(dst, token)
				}
			}
			return dst
		}, nil
	case len(separators) == 0:
		return nil, fmt.Errorf("neither tokenexp nor separators are given")
	case len(separators) == 1 && separators[0] == "":
		if least > 1 {
			return nil, fmt.Errorf("mincharnum is %d and tokens are single characters", least)
		}
		return characters, nil
	}
	var all []*regexp.Regexp
	for _, s := range separators {
		re, err := longest(s)
		if err != nil {
			return nil, err
		}
		if s == "" || re.MatchString("") {
			return nil, fmt.Errorf("%w: separator %q matches between any two characters", runtime.ErrUnsupported, s)
		}
		all = append(all, re)
	}
	return func(dst []string, s string) []string {
		pieces := []string{s}
		for _, re := range all {
			var next []string
			for _, p := range pieces {
				for _, token := range re.Split(p, -1) {
					if utf8.RuneCountInString(token) >= least {
						next = append(next, token)
					}
				}
			}
			pieces = next
		}
		return append(dst, pieces...)
	}, nil
}

// longest compiles an expression that takes the longest match of those that
// start leftmost.
func longest(pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err == nil {
		re.Longest()
	}
	return re, err
}

func characters(dst []string, s string) []string {
	for i, r := range s {
		dst = append(dst, s[i:i+utf8.RuneLen(r)])
	}
	return dst
}
