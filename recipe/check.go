package recipe

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"espalier/models"
	"espalier/setting"
	"espalier/text"
)

// checker keeps the first setting that cannot be, and completes defaults that
// depend on other settings.
type checker struct {
	*decoder
	err error
}

// fail notes an error at a setting, or at the nearest one around it that the
// file has.
func (c *checker) fail(path, format string, args ...any) {
	if c.err != nil {
		return
	}
	var n *yaml.Node
	for at := path; n == nil; {
		n = c.set[at]
		i := strings.LastIndexByte(at, '.')
		if at == "" {
			break
		}
		at = at[:max(i, 0)]
	}
	c.err = c.errorf(n, "%s %w", path, fmt.Errorf(format, args...))
}

func (c *checker) has(path string) bool { return c.set[path] != nil }

// oneOf checks a word against those that are known.
func (c *checker) oneOf(path, value string, known ...string) {
	if err := setting.OneOf(value, known); err != nil {
		c.fail(path, "%w", err)
	}
}

// complete fills in the defaults of a section that depend on its other settings and on
// those around it, and checks each of its settings.
func (c *checker) complete(path string, to any, around setting.Values) {
	s, chosen, _ := sectionOf(to)
	own := s.own(chosen)
	if s.by != "" && (c.has(path+"."+s.by) || own[0].Required) {
		c.oneOf(path+"."+s.by, chosen, own[0].Words...)
	}
	c.foreign(path, s, chosen, to)
	b := setting.Binding{Options: own, Others: s.all(), Around: around, Given: func(key string) bool { return c.has(path + "." + key) }}
	values, err := b.Complete(to)
	if err != nil {
		c.wrong(path, err)
		return
	}
	c.moot(path, own, values)
}

// check checks settings that are given, or have a value, and sets none.
func (c *checker) check(path string, options []setting.Option, of any) {
	values := setting.Of(options, of)
	for _, o := range options {
		value := values[o.Key]
		if value == nil || !c.has(path+"."+o.Key) && reflect.ValueOf(value).IsZero() {
			continue
		}
		if err := o.Check(value); err != nil {
			c.wrong(path, err)
		}
	}
	c.moot(path, options, values)
}

// foreign checks that no setting is given that only other parts of a section have.
func (c *checker) foreign(path string, s section, chosen string, of any) {
	if s.foreign == nil {
		return
	}
	keys := setting.Keys(s.own(chosen))
	for _, o := range s.all() {
		if !c.has(path+"."+o.Key) || slices.Contains(keys, o.Key) {
			continue
		}
		if value := setting.Of([]setting.Option{o}, of)[o.Key]; s.lenient && o.Elsewhere == "" && value != nil && reflect.ValueOf(value).IsZero() {
			continue
		}
		if at, text := s.foreign(s, o.Key, chosen); at != "" {
			c.fail(path+"."+at, "%s", text)
		}
	}
}

// moot checks that no setting is given that others leave without a meaning.
func (c *checker) moot(path string, options []setting.Option, values setting.Values) {
	for _, o := range options {
		if o.Moot != nil && c.has(path+"."+o.Key) {
			if reason := o.Moot(values); reason != "" {
				c.fail(path+"."+o.Key, "%s", reason)
			}
		}
	}
}

// wrong notes an error of a setting of a section.
func (c *checker) wrong(path string, err error) {
	if of := (*setting.Error)(nil); errors.As(err, &of) {
		c.fail(path+"."+of.Key, "%w", of.Err)
		return
	}
	c.fail(path, "%w", err)
}

func (c *checker) recipe(r *Recipe) {
	c.data(&r.Data)
	c.takeColumns(r)
	c.pretrained(r)
	if slices.ContainsFunc(r.Inputs, func(in Input) bool { return in.column() }) {
		c.columns(r.Inputs)
		c.tableTrunk(&r.Trunk)
	} else {
		c.inputs(r.Inputs)
		c.trunk(&r.Trunk)
	}
	c.sharing(&r.Sharing, &r.Trunk)
	c.tasks(r)
	c.pieces(r)
	c.train(r)
}

func (c *checker) data(d *Data) {
	if len(d.All) > 0 || c.has("data.split") {
		c.whole(d)
	} else if len(d.Train) == 0 {
		c.fail("data.train", "is missing; name the training data, as in {format: tsv, file: train.tsv}")
	}
	for _, split := range []struct {
		name    string
		sources []Source
	}{{"train", d.Train}, {"valid", d.Valid}, {"test", d.Test}, {"all", d.All}} {
		path := "data." + split.name
		for i := range split.sources {
			at := path
			if len(split.sources) > 1 || c.has(path+".0") {
				at = fmt.Sprintf("%s.%d", path, i)
			}
			c.inherit(at, &split.sources[i], &d.Defaults)
			c.source(at, &split.sources[i])
		}
	}
	c.complete("data", d, nil)
	if c.has("data.holdout") && len(d.Valid) > 0 {
		c.fail("data.holdout", "is set, but so is data.valid; leave one of them out")
	}
}

func (c *checker) inputs(inputs []Input) {
	if len(inputs) != 1 {
		c.fail("inputs", "has %d entries; a recipe has one text, as in {text: {type: text}}, or columns of type numeric and categorical", len(inputs))
	}
	for i := range inputs {
		in := &inputs[i]
		path := "inputs." + in.Name
		c.name(path, in.Name)
		if in.Field == "" {
			in.Field = in.Name
		}
		c.oneOf(path+".type", in.Type, inputSection().names()...)
		for _, key := range inputKeys(true) {
			if c.has(path + "." + key) {
				c.fail(path+"."+key, "is for columns of a table, not for text")
			}
		}
		c.subwords(path, in)
		c.check(path, inputSection().own(in.Type), in)
		if in.Tokenizer == text.Subword {
			continue
		}
		if _, err := text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern}); err != nil && c.err == nil {
			c.fail(path+".pattern", "does not fit: %w", err)
		}
		if in.MaxSize == 1 || in.MaxSize == 2 {
			c.fail(path+".max_size", "is %d, which leaves no room for words beside padding and unknown", in.MaxSize)
		}
	}
}

// subwords checks what goes with the tokenizer subword, and without it.
func (c *checker) subwords(path string, in *Input) {
	if in.Tokenizer != text.Subword {
		if in.File != "" || c.has(path+".special_tokens") {
			c.fail(path+".tokenizer", "is %s, which has no file and special_tokens; they are subword's", in.Tokenizer)
		}
		return
	}
	switch {
	case in.Pair != "" && !in.SpecialTokens:
		c.fail(path+".pair", "is set, but two texts need the special tokens that stand between them; set special_tokens to true")
	case in.Pair != "" && (in.Pair == in.Name || in.Pair == in.Field):
		c.fail(path+".pair", "is %s, which is the first text's field", in.Pair)
	}
	if in.File == "" {
		c.fail(path+".file", "is missing; subword reads the tokenizer.json that it names")
	}
}

// pieces checks what cannot be had where the tokens are pieces of words.
func (c *checker) pieces(r *Recipe) {
	for _, in := range r.Inputs {
		if in.Tokenizer != text.Subword {
			continue
		}
		if r.Trunk.Vectors.File != "" {
			c.fail("trunk.vectors.file", "names vectors of words, but the tokens of tokenizer subword are pieces of them")
		}
	}
}

// name checks a name that becomes part of tensor names and of paths of
// settings.
func (c *checker) name(path, name string) {
	if name == "" || strings.ContainsAny(name, "/. \t\r\n") {
		c.fail(path, "has a name that is not one word without slashes and dots")
	}
}

// trunk checks the trunk of a model that reads words.
func (c *checker) trunk(t *Trunk) {
	table := slices.ContainsFunc(models.TrunkTypes(true), func(of models.TrunkType) bool { return of.Name == t.Type })
	if table || t.Widths != nil || c.has("trunk.norm") {
		c.fail("trunk", "has type mlp, norm or a list of widths, which are for columns of a table, but the input is text")
	}
	if c.has("trunk.stack") {
		c.stack(t)
		t.Type = stacked
	} else if c.has("trunk.type") {
		c.oneOf("trunk.type", t.Type, trunkNames(false)...)
	}
	c.foreign("trunk", trunkSection(), t.Type, t)
	if t.Type == models.PretrainedTrunk {
		if c.err == nil {
			c.encoders(t)
		}
		c.check("trunk", trunkSection().own(t.Type)[1:], t)
		return
	}
	c.characters(&t.Characters)
	if t.TrunkConfig.Characters = t.Characters.CharacterConfig; t.Characters.Type == "none" {
		t.TrunkConfig.Characters = models.CharacterConfig{}
	}
	if c.err == nil {
		c.encoders(t)
	}
	c.check("trunk", trunkSection().own(t.Type)[1:], t)
	c.vectors(&t.Vectors)
}

// encoders completes what package models declares of a trunk.
func (c *checker) encoders(t *Trunk) {
	if err := t.TrunkConfig.Complete(func(key string) bool { return c.has("trunk." + key) }, "trunk."); err != nil {
		c.wrong("trunk", err)
	}
	for i := range t.Stack {
		p := &t.Stack[i]
		s, chosen, _ := sectionOf(p)
		c.moot(fmt.Sprintf("trunk.stack.%d", i), s.own(chosen), setting.Of(s.own(chosen), p))
	}
}

// trunkNames are the types of trunks that read words, or a table.
func trunkNames(table bool) []string {
	var names []string
	for _, t := range models.TrunkTypes(table) {
		names = append(names, t.Name)
	}
	return names
}

// stack checks that a trunk that is a stack says of encoders nothing itself.
func (c *checker) stack(t *Trunk) {
	if len(t.Stack) == 0 {
		c.fail("trunk.stack", "is empty; name its parts, as in [{type: cnn}, {type: bilstm}]")
	}
	s := trunkSection()
	kept := setting.Keys(s.own(stacked)[1:])
	for _, f := range fieldsOf(reflect.ValueOf(t).Elem()) {
		if c.has("trunk."+f.name) && !slices.Contains(kept, f.name) {
			c.fail("trunk."+f.name, "is set, but the trunk is a stack; set it of the stack's parts")
		}
	}
	for i, p := range t.Stack {
		c.oneOf(fmt.Sprintf("trunk.stack.%d.type", i), p.Type, layerSection().names()...)
	}
}

func (c *checker) vectors(v *Vectors) {
	if v.File == "" && c.has("trunk.vectors") {
		c.fail("trunk.vectors.file", "is missing; name the file of word vectors")
	}
	c.complete("trunk.vectors", v, nil)
}

func (c *checker) characters(ch *Characters) {
	const path = "trunk.characters"
	c.complete(path, ch, nil)
	if ch.Type == "none" || c.err != nil {
		return
	}
	if err := ch.CharacterConfig.Complete(func(key string) bool { return c.has(path + "." + key) }); err != nil {
		c.wrong(path, err)
	}
}

func (c *checker) sharing(s *models.SharingConfig, t *Trunk) {
	const path = "sharing"
	of, chosen, _ := sectionOf(s)
	c.oneOf(path+".method", chosen, of.names()...)
	c.foreign(path, of, chosen, s)
	if c.err != nil {
		return
	}
	if err := s.Complete(&t.TrunkConfig, func(key string) bool { return c.has(path + "." + key) }); err != nil {
		c.wrong(path, err)
	}
}
