package recipe

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"espalier/data"
	"espalier/internal/nearest"
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
	switch near := nearest.Word(value, known); {
	case slices.Contains(known, value):
	case value == "":
		c.fail(path, "is missing; it is one of %s", strings.Join(known, ", "))
	case near != "":
		c.fail(path, "is %q, which is not one of %s; did you mean %q?", value, strings.Join(known, ", "), near)
	default:
		c.fail(path, "is %q, which is not one of %s", value, strings.Join(known, ", "))
	}
}

// atLeast checks a whole number.
func (c *checker) atLeast(path string, value, least int) {
	switch {
	case value < least:
		c.fail(path, "is %d, it must be at least %d", value, least)
	case value > math.MaxInt32:
		c.fail(path, "is %d, it must be at most %d", value, math.MaxInt32)
	}
}

// share checks a number that is at least 0 and below 1.
func (c *checker) share(path string, value float64) {
	if !(value >= 0 && value < 1) {
		c.fail(path, "is %v, it must be at least 0 and below 1", value)
	}
}

// positive checks a number above 0; with zero, 0 may be, too.
func (c *checker) positive(path string, value float64, zero bool) {
	switch {
	case math.IsInf(value, 0) || math.IsNaN(value):
		c.fail(path, "is %v, it must be a finite number", value)
	case zero && value < 0:
		c.fail(path, "is %v, it cannot be negative", value)
	case !zero && value <= 0:
		c.fail(path, "is %v, it must be above 0", value)
	}
}

func (c *checker) recipe(r *Recipe) {
	c.data(&r.Data)
	c.takeColumns(r)
	if slices.ContainsFunc(r.Inputs, func(in Input) bool { return in.column() }) {
		c.columns(r.Inputs)
		c.mlp(&r.Trunk)
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
	if !(d.Holdout > 0 && d.Holdout < 1) {
		c.fail("data.holdout", "is %v, it must be above 0 and below 1", d.Holdout)
	}
	if c.has("data.holdout") && len(d.Valid) > 0 {
		c.fail("data.holdout", "is set, but so is data.valid; leave one of them out")
	}
	c.oneOf("data.unseen", d.Unseen, data.CountUnseen, data.IgnoreUnseen, data.RefuseUnseen)
	c.oneOf("data.unlabelled", d.Unlabelled, "keep", "skip")
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
		c.oneOf(path+".type", in.Type, "text", "numeric", "categorical")
		for _, key := range columnKeys {
			if c.has(path + "." + key) {
				c.fail(path+"."+key, "is for columns of a table, not for text")
			}
		}
		c.oneOf(path+".tokenizer", in.Tokenizer, "whitespace", "regex", "characters", text.Subword)
		if c.has(path+".whole_words") && in.Tokenizer != "characters" {
			c.fail(path+".whole_words", "is for tokenizer characters, not for %s", in.Tokenizer)
		}
		c.subwords(path, in)
		if in.Tokenizer == text.Subword {
			continue
		}
		if _, err := text.NewTokenizer(in.Tokenizer, text.Options{Pattern: in.Pattern}); err != nil && c.err == nil {
			c.fail(path+".pattern", "does not fit: %w", err)
		}
		c.atLeast(path+".min_count", in.MinCount, 1)
		c.atLeast(path+".max_size", in.MaxSize, 0)
		if in.MaxSize == 1 || in.MaxSize == 2 {
			c.fail(path+".max_size", "is %d, which leaves no room for words beside padding and unknown", in.MaxSize)
		}
		c.atLeast(path+".max_length", in.MaxLength, 0)
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
	if in.File == "" {
		c.fail(path+".file", "is missing; subword reads the tokenizer.json that it names")
	}
	c.atLeast(path+".max_length", in.MaxLength, 0)
	for _, key := range []string{"pattern", "lowercase", "min_count", "max_size"} {
		if c.has(path + "." + key) {
			c.fail(path+"."+key, "is not for tokenizer subword, whose file says it")
		}
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
		for _, t := range r.Tasks {
			if t.CRF {
				c.fail("tasks."+t.Name+".crf", "is set, but with tokenizer subword only the first piece of a word has a label, and a CRF learns from whole texts; set it to false")
			}
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

func (c *checker) trunk(t *Trunk) {
	if t.Type == "mlp" || t.Widths != nil || c.has("trunk.norm") {
		c.fail("trunk", "has type mlp, norm or a list of widths, which are for columns of a table, but the input is text")
	}
	c.oneOf("trunk.pooling", t.Pooling, "mean", "max", "attention")
	c.atLeast("trunk.embedding", t.Embedding, 1)
	c.share("trunk.dropout", t.Dropout)
	c.share("trunk.embedding_dropout", t.EmbeddingDropout)
	c.share("trunk.word_dropout", t.WordDropout)
	c.positive("trunk.rare_word_dropout", t.RareWordDropout, true)
	if len(t.Stack) > 0 || c.has("trunk.stack") {
		c.stack(t)
	} else {
		p := t.part()
		least := 1
		if p.Type == "bag" {
			least = 0
		}
		c.part("trunk", &p, t.Embedding, least)
		t.Hidden, t.Layers, t.FeedForward = p.Hidden, p.Layers, p.FeedForward
	}
	c.vectors(&t.Vectors)
	c.characters(&t.Characters)
}

// stack checks the parts of a stack. The trunk is as wide as the last, and has
// the layers of all.
func (c *checker) stack(t *Trunk) {
	if len(t.Stack) == 0 {
		c.fail("trunk.stack", "is empty; name its parts, as in [{type: cnn}, {type: bilstm}]")
	}
	for _, key := range partKeys {
		if c.has("trunk." + key) {
			c.fail("trunk."+key, "is set, but the trunk is a stack; set it of the stack's parts")
		}
	}
	t.Layers = 0
	width, reads := t.Embedding, t.Embedding
	if t.Characters.Type != "none" {
		reads += t.Characters.Hidden
	}
	for i := range t.Stack {
		p := &t.Stack[i]
		path := fmt.Sprintf("trunk.stack.%d", i)
		if !c.has(path + ".dropout") {
			p.Dropout = t.Dropout
		}
		c.part(path, p, width, 1)
		if p.Skip && p.Hidden != reads {
			c.fail(path+".skip", "is to add what the part reads, which is %d wide, to what it gives, which is %d wide; make its hidden %d", reads, p.Hidden, reads)
		}
		width, reads = p.Hidden, p.Hidden
		t.Layers += p.Layers
	}
	t.Hidden = width
}

// part checks an encoder, which has at least so many layers and is as wide as
// what it reads unless it says otherwise.
func (c *checker) part(path string, p *Part, width, leastLayers int) {
	c.oneOf(path+".type", p.Type, "bag", "cnn", "bilstm", "bigru", "lstm", "gru", "transformer")
	if !c.has(path + ".hidden") {
		p.Hidden = width
	}
	c.atLeast(path+".hidden", p.Hidden, 1)
	if !c.has(path + ".layers") {
		p.Layers = map[string]int{"cnn": 2, "transformer": 2, "lstm": 1, "gru": 1, "bilstm": 1, "bigru": 1}[p.Type]
	}
	c.atLeast(path+".layers", p.Layers, leastLayers)
	c.atLeast(path+".heads", p.Heads, 1)
	c.oneOf(path+".positions", p.Positions, "learned", "rotary")
	c.atLeast(path+".max_length", p.MaxLength, 1)
	if p.Positions == "rotary" && c.has(path+".max_length") {
		c.fail(path+".max_length", "is for learned positions; rotary ones have no end")
	}
	if !c.has(path + ".feedforward") {
		p.FeedForward = 4 * p.Hidden
	}
	c.atLeast(path+".feedforward", p.FeedForward, 1)
	c.atLeast(path+".kernel", p.Kernel, 1)
	each := p.Hidden / max(p.Heads, 1)
	switch {
	case p.Kernel%2 == 0:
		c.fail(path+".kernel", "is %d, it must be odd, so that a text keeps its length", p.Kernel)
	case p.Type == "transformer" && each*p.Heads != p.Hidden:
		c.fail(path+".heads", "is %d, which does not divide %s.hidden, %d", p.Heads, path, p.Hidden)
	case p.Type == "transformer" && p.Positions == "rotary" && each%2 != 0:
		c.fail(path+".heads", "is %d, which leaves each %d of %s.hidden; rotary positions turn pairs, so it must be even", p.Heads, each, path)
	case (p.Type == "bilstm" || p.Type == "bigru") && p.Hidden%2 != 0:
		c.fail(path+".hidden", "is %d, it must be even: each direction of %s has half of it", p.Hidden, p.Type)
	case len(p.Dilations) > 0 && len(p.Dilations) != p.Layers:
		c.fail(path+".dilations", "has %d entries for %d layers", len(p.Dilations), p.Layers)
	}
	for i, d := range p.Dilations {
		c.atLeast(fmt.Sprintf("%s.dilations.%d", path, i), d, 1)
	}
	c.share(path+".dropout", p.Dropout)
}

func (c *checker) vectors(v *Vectors) {
	const path = "trunk.vectors."
	if v.File == "" && c.has("trunk.vectors") {
		c.fail(path+"file", "is missing; name the file of word vectors")
	}
	c.oneOf(path+"format", v.Format, "auto", "text", "binary")
	c.atLeast(path+"add", v.Add, 0)
}

func (c *checker) characters(ch *Characters) {
	const path = "trunk.characters."
	c.oneOf(path+"type", ch.Type, "none", "cnn", "bilstm")
	c.atLeast(path+"embedding", ch.Embedding, 1)
	c.atLeast(path+"hidden", ch.Hidden, 1)
	c.atLeast(path+"kernel", ch.Kernel, 1)
	c.atLeast(path+"max_length", ch.MaxLength, 1)
	c.share(path+"dropout", ch.Dropout)
	switch {
	case ch.Type == "cnn" && ch.Kernel%2 == 0:
		c.fail(path+"kernel", "is %d, it must be odd", ch.Kernel)
	case ch.Type == "bilstm" && ch.Hidden%2 != 0:
		c.fail(path+"hidden", "is %d, it must be even: each direction has half of it", ch.Hidden)
	}
}

func (c *checker) sharing(s *Sharing, t *Trunk) {
	const path = "sharing."
	methods := []string{"hard", "soft", "cross_stitch", "mmoe", "dselect_k", "cgc", "ple", "mtan", "aitm", "adapter", "low_rank"}
	c.oneOf(path+"method", s.Method, methods...)
	for _, key := range s.unused() {
		if !c.has(path + key) {
			continue
		}
		var readers []string
		for _, m := range methods {
			if slices.Contains(sharingKeys()[m], key) {
				readers = append(readers, m)
			}
		}
		c.fail(path+key, "is for %s, not for %s", strings.Join(readers, ", "), s.Method)
	}
	if !c.has(path + "expert_hidden") {
		s.ExpertHidden = t.Hidden
	}
	if !c.has(path + "tower") {
		s.Tower = t.Hidden
	}
	c.positive(path+"l2", s.L2, true)
	c.positive(path+"own", s.Own, false)
	if s.Own > 1 {
		c.fail(path+"own", "is %v, it must be at most 1", s.Own)
	}
	c.atLeast(path+"experts", s.Experts, 1)
	c.atLeast(path+"task_experts", s.TaskExperts, 0)
	c.atLeast(path+"expert_hidden", s.ExpertHidden, 1)
	c.atLeast(path+"levels", s.Levels, 1)
	c.positive(path+"temperature", s.Temperature, false)
	c.atLeast(path+"k", s.K, 1)
	c.positive(path+"gamma", s.Gamma, false)
	c.positive(path+"entropy", s.Entropy, true)
	c.atLeast(path+"bottleneck", s.Bottleneck, 1)
	c.atLeast(path+"tower", s.Tower, 1)
	c.positive(path+"calibrator", s.Calibrator, true)
	c.atLeast(path+"rank", s.Rank, 1)
	c.positive(path+"scale", s.Scale, false)
	layered := s.Method == "soft" || s.Method == "cross_stitch" || s.Method == "mtan"
	switch {
	case layered && t.Layers == 0:
		c.fail(path+"method", "is %s, which works on the layers of a trunk, and trunk.layers is 0", s.Method)
	case s.Method == "dselect_k" && s.Experts < 2:
		c.fail(path+"experts", "is %d, dselect_k needs at least 2 to choose from", s.Experts)
	case s.Method == "dselect_k" && s.K > s.Experts:
		c.fail(path+"k", "is %d, but there are %d experts to choose from", s.K, s.Experts)
	}
}
