package predict

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"unicode/utf8"

	"espalier/runtime"
	"espalier/task"
	"espalier/text"
)

// worker makes one call at a time and keeps what the next can use.
type worker struct {
	predictor *Predictor
	// owns is set where answers are the worker's own, good until its next call.
	owns    bool
	shapes  []*prepared   // the last used first
	bytes   int           // of the shapes' tensors
	begins  []int         // of a text's pieces
	kept    []int         // pieces of a text that is cut
	places  [][]int       // by row, where words' first pieces stand, if they have pieces
	marks   [][]text.Mark // by row, what the pieces are
	scratch text.Scratch
	decoder task.Decoder
	view    task.View    // of the task that is read
	inputs  []task.Input // of the rows that are read
}

// workers are those that have nothing to do.
type workers struct {
	mu     sync.Mutex
	idle   []*worker
	closed bool
}

func (l *workers) take(p *Predictor) *worker {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.idle); n > 0 {
		w := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return w
	}
	return &worker{predictor: p}
}

func (l *workers) put(w *worker) {
	l.mu.Lock()
	keep := !l.closed && len(l.idle) < goruntime.GOMAXPROCS(0)
	if keep {
		l.idle = append(l.idle, w)
	}
	l.mu.Unlock()
	if !keep {
		w.release()
	}
}

func (l *workers) close() {
	l.mu.Lock()
	idle := l.idle
	l.idle, l.closed = nil, true
	l.mu.Unlock()
	for _, w := range idle {
		w.release()
	}
}

// maxPrepared and maxPreparedBytes bound what a worker keeps: enough for every
// length of short texts.
const (
	maxPrepared      = 64
	maxPreparedBytes = 16 << 20
)

// prepared is a call of one shape: the tensors that inputs are written to, and
// those that the engine writes to.
type prepared struct {
	batch, length, width int
	bytes                int
	ids, characters      []int64
	mask, types          []int64  // of a file that reads them: 1 for tokens; numbers of segments
	padding              int64    // id of the token behind a text's last one
	starts               []int64  // 1 where a piece begins a word; nil: the model does not read it
	texts                []string // of a file that reads raw text
	columns              []column // of a table
	binding              runtime.Binding
	outputs              []runtime.Named
	ran                  bool
}

// shape returns a prepared call, cleared, at the head of the list.
func (w *worker) shape(batch, length, width int) (*prepared, error) {
	for i, c := range w.shapes {
		if c.batch == batch && c.length == length && c.width == width {
			copy(w.shapes[1:i+1], w.shapes[:i])
			w.shapes[0] = c
			c.clear()
			return c, nil
		}
	}
	c, err := w.prepare(batch, length, width)
	if err != nil {
		return nil, err
	}
	for len(w.shapes) > 0 && (len(w.shapes) == maxPrepared || w.bytes+c.bytes > maxPreparedBytes) {
		w.drop(len(w.shapes) - 1)
	}
	w.bytes += c.bytes
	w.shapes = slices.Insert(w.shapes, 0, c)
	return c, nil
}

// clear makes all that is read of texts padding.
func (c *prepared) clear() {
	if c.padding == 0 {
		clear(c.ids)
	} else {
		for i := range c.ids {
			c.ids[i] = c.padding
		}
	}
	clear(c.characters)
	clear(c.mask)
	clear(c.types)
	clear(c.starts)
	clear(c.texts)
}

// drop lets go of a prepared call.
func (w *worker) drop(i int) {
	w.bytes -= w.shapes[i].bytes
	w.shapes[i].binding.Close()
	w.shapes = slices.Delete(w.shapes, i, i+1)
}

func (w *worker) prepare(batch, length, width int) (*prepared, error) {
	p := w.predictor
	c := &prepared{batch: batch, length: length, width: width}
	inputs, err := c.inputs(p.file)
	if err != nil {
		return nil, fmt.Errorf("predict: %w", err)
	}
	c.outputs = p.wanted(nil)
	c.binding, err = p.session.Bind(p.needed(inputs), c.outputs)
	return c, err
}

// inputs makes the tensors that are written to before each run.
func (c *prepared) inputs(f *file) (inputs []runtime.Named, err error) {
	for i, r := range f.readers {
		if inputs, err = r.prepare(f, i, c, inputs); err != nil {
			return nil, err
		}
	}
	return inputs, nil
}

// run computes the outputs. The engine allocates them at the first run, and
// writes to the same tensors from then on: equal input shapes give equal output
// shapes.
func (c *prepared) run(ctx context.Context, w *worker) error {
	if err := c.binding.Run(ctx); err != nil {
		return err
	}
	if c.ran {
		return nil
	}
	c.ran = true
	for i := range c.outputs {
		o := &c.outputs[i]
		var err error
		if o.Tensor, err = c.binding.Output(o.Name); err != nil {
			return err
		}
		if err := c.binding.SetOutput(o.Name, o.Tensor); err != nil {
			return err
		}
		n := o.Tensor.Len() * max(o.Tensor.DType().Size(), 1)
		c.bytes += n
		w.bytes += n
	}
	return nil
}

// release gives back native memory.
func (w *worker) release() {
	for _, c := range w.shapes {
		c.binding.Close()
	}
	w.shapes, w.bytes = nil, 0
}

// wanted appends the outputs of the tasks to dst.
func (p *Predictor) wanted(dst []runtime.Named) []runtime.Named {
	for i := range p.tasks {
		for _, o := range p.tasks[i].Outputs {
			dst = append(dst, runtime.Named{Name: o.Tensor})
		}
	}
	if p.file.options.Embeddings {
		dst = append(dst, runtime.Named{Name: p.file.schema.Embeddings.Tensor})
	}
	return dst
}

// needed drops inputs that the tasks' part of the graph does not read.
func (p *Predictor) needed(inputs []runtime.Named) []runtime.Named {
	declared := p.session.Inputs()
	return slices.DeleteFunc(inputs, func(in runtime.Named) bool {
		return !slices.ContainsFunc(declared, func(v runtime.ValueInfo) bool { return v.Name == in.Name })
	})
}

// predict answers for texts, or for pairs of them where seconds is not nil, and writes
// over dst.
func (w *worker) predict(ctx context.Context, dst []Prediction, texts, seconds []string) ([]Prediction, error) {
	f := w.predictor.file
	if err := f.checkPair(seconds != nil); err != nil {
		return nil, err
	}
	if f.options.Encode != nil {
		return w.predictEncoded(ctx, texts)
	}
	if f.tokenizer == nil {
		return nil, fmt.Errorf("predict: the model does not read one text; use PredictTensors, or give Encode in the options")
	}
	w.scratch.Reset()
	dst = resize(dst, len(texts))
	for i, s := range texts {
		if dst[i].Tokens == nil && len(s) > 0 {
			dst[i].Tokens = make([]text.Token, 0, len(s)/5+1) // about as many as there will be
		}
		dst[i].Tokens = f.tokenizer.WordsIn(&w.scratch, dst[i].Tokens[:0], s)
	}
	if !w.owns {
		w.scratch.Forget()
	}
	return dst, w.answer(ctx, dst, texts, seconds)
}

func (w *worker) predictTokens(ctx context.Context, texts [][]string) ([]Prediction, error) {
	f := w.predictor.file
	if f.tokenizer == nil {
		return nil, fmt.Errorf("predict: the model does not read one text; use PredictTensors")
	}
	if err := f.checkPair(false); err != nil {
		return nil, err
	}
	out := make([]Prediction, len(texts))
	joined := make([]string, len(texts))
	for i, words := range texts {
		var all []byte
		for j, word := range words {
			if j > 0 {
				all = append(all, f.tokenizer.Separator()...)
			}
			at := len(all)
			all = append(all, word...)
			out[i].Tokens = append(out[i].Tokens, text.Token{Text: f.tokenizer.Normalize(word), Start: at, End: len(all)})
		}
		joined[i] = string(all)
	}
	return out, w.answer(ctx, out, joined, nil)
}

// checkPair compares what is asked with what the model reads.
func (f *file) checkPair(asked bool) error {
	switch in := f.schema.Inputs[0]; {
	case !asked && in.Pair != "":
		return fmt.Errorf("predict: the model reads two texts, %s and %s; give both, with PredictPairs or --pair", in.Name, in.Pair)
	case asked && in.Pair == "":
		return fmt.Errorf("predict: the model reads one text, not a pair; use Predict, or leave out --pair")
	}
	return nil
}

// resize returns n predictions, with what is there to be written over.
func resize(dst []Prediction, n int) []Prediction {
	if n <= cap(dst) {
		return dst[:n]
	}
	return append(dst[:cap(dst)], make([]Prediction, n-cap(dst))...)
}

// answer fills predictions in whose tokens are there.
func (w *worker) answer(ctx context.Context, out []Prediction, texts, seconds []string) error {
	if len(out) == 0 {
		return nil
	}
	f := w.predictor.file
	step := len(out)
	if f.batch > 0 {
		step = f.batch
	}
	for len(out) > 0 {
		n := min(step, len(out))
		var others []string
		if seconds != nil {
			others, seconds = seconds[:n], seconds[n:]
		}
		if err := w.answerBatch(ctx, out[:n], texts[:n], others, step); err != nil {
			return err
		}
		out, texts = out[n:], texts[n:]
	}
	return nil
}

// answerBatch answers in one run of so many rows, those behind the texts empty.
func (w *worker) answerBatch(ctx context.Context, out []Prediction, texts, seconds []string, rows int) error {
	f := w.predictor.file
	longest := 0
	for i := range out {
		if f.subwords() {
			second := ""
			if seconds != nil {
				second = seconds[i]
			}
			w.takeApart(i, &out[i], texts[i], second)
		} else if out[i].Truncated = f.limit > 0 && len(out[i].Tokens) > f.limit; out[i].Truncated {
			out[i].Tokens = out[i].Tokens[:f.limit]
		}
		longest = max(longest, len(*f.units(&out[i])))
	}
	if f.schema.Inputs[0].InGraph {
		return w.answerTexts(ctx, out, texts, rows, longest)
	}
	length := max(1, f.length, longest)
	c, err := w.shape(rows, length, w.width(out, texts, seconds))
	if err != nil {
		return err
	}
	w.fill(c, out, texts, seconds)
	if err := c.run(ctx, w); err != nil {
		return err
	}
	return w.read(out, texts, c.outputs, rows)
}

// answerTexts leaves tokenization to the graph.
func (w *worker) answerTexts(ctx context.Context, out []Prediction, texts []string, rows, longest int) error {
	c, err := w.shape(rows, longest, 0)
	if err != nil {
		return err
	}
	copy(c.texts, texts)
	defer clear(c.texts) // they are the caller's
	ran := c.ran
	if err := c.run(ctx, w); err != nil {
		if ran && ctx.Err() == nil {
			// A text has other tokens in the graph than here, so that outputs have
			// another shape than those of the run before.
			w.drop(0)
			return w.answerTexts(ctx, out, texts, rows, longest)
		}
		return err
	}
	return w.read(out, texts, c.outputs, rows)
}

// subwords reports whether the model reads pieces of words.
func (f *file) subwords() bool { return f.tokenizer != nil && f.tokenizer.Subwords() }

// units returns what the model reads of a text.
func (f *file) units(p *Prediction) *[]text.Token {
	if f.subwords() {
		return &p.Pieces
	}
	return &p.Tokens
}

// takeApart makes the pieces of row i that the model reads.
func (w *worker) takeApart(i int, p *Prediction, s, second string) {
	for len(w.places) <= i {
		w.places, w.marks = append(w.places, nil), append(w.marks, nil)
	}
	f := w.predictor.file
	p.Pieces, w.marks[i] = f.tokenizer.PiecesIn(&w.scratch, p.Pieces[:0], w.marks[i][:0], s, second)
	if p.Truncated = f.limit > 0 && len(p.Pieces) > f.limit; p.Truncated {
		w.kept = text.Keep(w.kept[:0], w.marks[i], f.limit)
		for to, from := range w.kept {
			p.Pieces[to], w.marks[i][to] = p.Pieces[from], w.marks[i][from]
		}
		p.Pieces, w.marks[i] = p.Pieces[:len(w.kept)], w.marks[i][:len(w.kept)]
	}
	w.place(i, p)
}

// place finds where the words of row i have their first pieces, and drops words
// that have none. Of a pair the words are those of the first text.
func (w *worker) place(i int, p *Prediction) {
	own := slices.IndexFunc(w.marks[i], text.Mark.Second)
	if own < 0 {
		own = len(p.Pieces)
	}
	places, words := w.places[i][:0], p.Tokens
	p.Tokens = p.Tokens[:0]
	w.begins = text.Begins(w.begins[:0], p.Pieces[:own], words)
	for piece, word := range w.begins {
		if word >= 0 {
			places = append(places, piece)
			p.Tokens = append(p.Tokens, words[word])
		}
	}
	w.places[i] = places
}

// width returns how many characters the longest word has, 0 for a model that
// reads none.
func (w *worker) width(out []Prediction, texts, seconds []string) int {
	f := w.predictor.file
	if f.characters == nil {
		return 0
	}
	width := 1
	for i := range out {
		for j, t := range *f.units(&out[i]) {
			width = max(width, utf8.RuneCountInString(w.of(i, j, texts, seconds)[t.Start:t.End]))
		}
	}
	return min(width, f.schema.Inputs[0].Characters.MaxLength)
}

// of returns the text that unit j of row i is of.
func (w *worker) of(i, j int, texts, seconds []string) string {
	if seconds != nil && w.marks[i][j].Second() {
		return seconds[i]
	}
	return texts[i]
}

// fill writes the ids of words, their types and their characters, and which pieces
// begin words.
func (w *worker) fill(c *prepared, out []Prediction, texts, seconds []string) {
	f := w.predictor.file
	for i := range out {
		for j, t := range *f.units(&out[i]) {
			at := i*c.length + j
			c.ids[at] = f.vocabulary.ID(t.Text)
			if c.mask != nil {
				c.mask[at] = 1
			}
			if c.types != nil && seconds != nil {
				c.types[at] = w.marks[i][j].Type()
			}
			if c.width > 0 {
				f.characters.IDs(c.characters[at*c.width:at*c.width], w.of(i, j, texts, seconds)[t.Start:t.End])
			}
		}
		if c.starts != nil && f.subwords() {
			for _, piece := range w.places[i] {
				c.starts[i*c.length+piece] = 1
			}
		}
	}
}

// predictEncoded leaves the inputs to the caller's function.
func (w *worker) predictEncoded(ctx context.Context, texts []string) ([]Prediction, error) {
	out := make([]Prediction, len(texts))
	if len(texts) == 0 {
		return out, nil
	}
	inputs, tokens, err := w.predictor.file.options.Encode(texts)
	if err != nil {
		return nil, fmt.Errorf("predict: encode: %w", err)
	}
	if tokens != nil && len(tokens) != len(texts) {
		return nil, fmt.Errorf("predict: encode gave tokens of %d texts, it was given %d", len(tokens), len(texts))
	}
	for i := range tokens {
		for _, t := range tokens[i] {
			if t.Start < 0 || t.End < t.Start || t.End > len(texts[i]) {
				return nil, fmt.Errorf("predict: encode: token %q from byte %d to %d is outside of text %d", t.Text, t.Start, t.End, i)
			}
		}
		out[i].Tokens = tokens[i]
	}
	return out, w.runOn(ctx, inputs, out, texts)
}

func (w *worker) predictTensors(ctx context.Context, inputs []runtime.Named, rows int) ([]Prediction, error) {
	out := make([]Prediction, rows)
	return out, w.runOn(ctx, inputs, out, nil)
}

func (w *worker) runOn(ctx context.Context, inputs []runtime.Named, out []Prediction, texts []string) error {
	outputs := w.predictor.wanted(nil)
	if err := w.predictor.session.Run(ctx, w.predictor.needed(slices.Clone(inputs)), outputs); err != nil {
		return err
	}
	return w.read(out, texts, outputs, len(out))
}
