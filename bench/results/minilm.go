package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// minilm is the folder of the pretrained encoder, which `make env` installs.
const minilm = ".env/minilm/model"

// onMiniLM makes of a row one whose trunk is MiniLM: the recipe's data and tasks, the
// encoder in the place of its trunk, and one way to train for all sets, which
// bench/peers/minilm.py has as well.
func onMiniLM(from string, epochs, seeds int, input, longest string, figures []figure, settings ...string) row {
	var tasks []string
	for _, f := range figures {
		if f.task != "" && f.task != everyTask && !slices.Contains(tasks, f.task) {
			tasks = append(tasks, f.task)
		}
	}
	base := rows[slices.IndexFunc(rows, func(r row) bool { return r.recipe == from })]
	all := []string{
		fmt.Sprintf("inputs={%s: {type: text, max_length: %s}}", input, longest),
		"trunk={type: pretrained, path: " + minilm + "}",
		fmt.Sprintf("train={epochs: %d, batch: 32, optimizer: {type: adamw, lr: 0.001, weight_decay: 0.01, dense: true}, trunk: {lr: 0.1}, schedule: {type: linear, warmup: 0.1}, clip_norm: 1, seed: 1}", epochs),
	}
	for _, task := range tasks {
		all = append(all, "tasks."+task+".dropout=0.1")
	}
	return row{
		recipe: from + "_minilm", of: from, set: base.set, seeds: seeds, encoder: from,
		settings: append(slices.Clone(settings), all...), figures: figures,
	}
}

// with changes more settings of a row.
func (w row) with(settings ...string) row {
	w.settings = append(slices.Clone(w.settings), settings...)
	return w
}

// encoderRows are the sets with a pretrained trunk, in the page's order.
func encoderRows() []row {
	return []row{
		onMiniLM("snips", 5, 1, "text", "64", []figure{
			{"slots, span F1", "slots", "span_f1", 95}, {"intent, accuracy", "intent", "accuracy", 98.5}, {"whole sentence", "", "", 89},
		}),
		onMiniLM("sst2", 4, 0, "text", "64", []figure{{"sentiment, accuracy", "sentiment", "accuracy", 89.5}}).with("train.optimizer.dense=false", "tasks.sentiment.dropout=0"),
		onMiniLM("trec", 5, 0, "text", "64", []figure{
			{"coarse, accuracy", "coarse", "accuracy", 97.5}, {"fine, accuracy", "fine", "accuracy", 90},
		}, "tasks={coarse: {type: classification}, fine: {type: classification}}"),
	}
}

// known is what the same training reached in plain PyTorch when the sets were chosen, on
// a machine like the one of the other figures: by recipe, figure and the fastest epoch's
// seconds. Sets that bench/peers/minilm.py was run on since have its figures.
var known = encoderPeers{
	"snips_minilm": {Test: map[string]float64{"slots, span F1": 94.9, "intent, accuracy": 98.6, "whole sentence": 88.9}, Epochs: 5, Seconds: []float64{124}},
	"sst2_minilm":  {Test: map[string]float64{"sentiment, accuracy": 89.4}, Epochs: 4, Seconds: []float64{102}},
	"trec_minilm":  {Test: map[string]float64{"coarse, accuracy": 97.8, "fine, accuracy": 90.2}, Epochs: 5, Seconds: []float64{46}},
}

// encoderPeers are what the same training reaches in PyTorch, by recipe.
type encoderPeers map[string]*encoderPeer

// encoderPeer is a line of JSON that bench/peers/minilm.py printed.
type encoderPeer struct {
	Test    map[string]float64 `json:"test"` // in percent, by titles of figures
	Epochs  int                `json:"epochs"`
	Seconds []float64          `json:"seconds"` // of each epoch
	Memory  float64            `json:"peak_rss_mb"`
}

// measureEncoderPeers reads what bench/peers/minilm.py wrote of the sets that it was run
// on.
func measureEncoderPeers(_ context.Context, b *bench) (any, error) {
	all := maps.Clone(known)
	for _, r := range encoderRows() {
		content, err := os.ReadFile(filepath.Join(b.peers, r.recipe+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		of := &encoderPeer{}
		if err == nil {
			err = json.Unmarshal(content, of)
		}
		if err == nil && len(of.Seconds) == 0 {
			err = errors.New("it has no seconds")
		}
		if err != nil {
			return nil, fmt.Errorf("%s of bench/peers/minilm.py: %w", r.recipe, err)
		}
		all[r.recipe] = of
	}
	return all, nil
}

// ofEncoders writes the table of sets with a pretrained trunk, beside what the same data
// give without one.
func (p *printer) ofEncoders(results []result, folder string, linear map[string]float64) {
	peers, err := load[encoderPeers](folder, "minilm_pytorch")
	if err != nil && p.err == nil {
		p.err = err
	}
	if p.err != nil || !slices.ContainsFunc(results, func(r result) bool { return r.encoder != "" }) {
		return
	}
	if peers == nil {
		peers = &encoderPeers{}
	}
	scratch := map[string]measured{}
	for _, r := range results {
		scratch[r.recipe] = r.measured
	}
	p.printf("\n## With a pretrained trunk\n\nMiniLM (6 layers of width 384, 22.7 million parameters; [pretrained.md](pretrained.md)) in the place of the trunk, all of it\n" +
		"fine-tuned with the heads: AdamW, rate 0.0001 for the encoder and 0.001 for heads, dropout of 0.1 before heads, a tenth of the\n" +
		"steps to warm up, then down along a line, batches of 32; SST-2 without dropout before its head, and with word vectors that are\n" +
		"updated when they are read. PyTorch's figures are of one seed of the same training in plain PyTorch, its epochs on two threads of an\n" +
		"idle machine; those of these sets were taken when the goals were set, and [bench/peers/minilm.py](../bench/peers/minilm.py) takes them\n" +
		"anew. A figure without ± is of one seed. Ours ran on one thread each beside other work, so that their seconds say\n" +
		"little: [bench.md](bench.md#a-pretrained-encoder) has the time of a step.\n\n")
	p.printf("| set | figure | validation | test | from scratch | linear model | PyTorch | to reach | reached | s per epoch | PyTorch's |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		if r.encoder != "" {
			p.encoderFigures(r, scratch[r.encoder], linear, (*peers)[r.recipe])
		}
	}
}

func (p *printer) encoderFigures(r result, scratch measured, linear map[string]float64, peer *encoderPeer) {
	set, seconds := r.set, ""
	if r.Cost != nil {
		seconds = brief(r.Cost.Seconds)
	}
	theirs := ""
	if peer != nil {
		theirs = brief(slices.Min(peer.Seconds))
	}
	for _, f := range r.row.figures {
		s := r.Figures[f.title]
		before, flat, torch, reach, reached := "", "", "", "", ""
		if x, ok := scratch.Figures[f.title]; ok {
			before = x.Test.String()
		} else if scratch.Comparison != nil && f.task == everyTask {
			mean := 0.0
			for _, t := range scratch.Comparison.Tasks {
				mean += 100 * t.Joint.Mean / float64(len(scratch.Comparison.Tasks))
			}
			before = fmt.Sprintf("%.1f", mean)
		}
		if x, ok := linear[r.encoder+" "+f.title]; ok {
			flat = fmt.Sprintf("%.1f", 100*x)
		}
		if peer != nil {
			if x, ok := peer.Test[f.title]; ok {
				torch = fmt.Sprintf("%.1f", x)
			}
		}
		if f.reach > 0 {
			reach, reached = fmt.Sprintf("%.1f", f.reach), verdict(s.Test.Mean, f.reach)
		}
		p.printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", set, f.title, s.Valid, s.Test, before, flat, torch, reach, reached, seconds, theirs)
		set, seconds, theirs = "", "", ""
	}
}
