package pretrained

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The files of a folder of sentence-transformers that say how a text's embedding is made
// of the tokens' states.
const (
	modulesFile = "modules.json"
	maxModules  = 64
)

// The ways to make one vector of the tokens' states that embeddings know.
const (
	MeanPooling  = "mean"
	FirstPooling = "first" // of the first token, [CLS]
	MaxPooling   = "max"
)

// Pooling says how the encoder's makers make an embedding of a text.
type Pooling struct {
	// Mode is one of mean, first, max.
	Mode string `json:"pooling"`
	// Normalize divides an embedding by its length.
	Normalize bool `json:"normalize"`
	// Unsupported says why it cannot be made; "": it can.
	Unsupported string `json:"unsupported,omitempty"`
}

// ReadPooling reads how a folder makes embeddings: by its modules.json, as
// sentence-transformers writes it, else the mean of the tokens' states. What is not
// supported is in the result and no error: nothing but embeddings needs it.
func ReadPooling(dir string) Pooling {
	p, err := readPooling(dir)
	if err != nil {
		p.Unsupported = err.Error()
	}
	return p
}

func readPooling(dir string) (Pooling, error) {
	p := Pooling{Mode: MeanPooling}
	content, err := readFile(dir, modulesFile, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	var modules []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(content, &modules); err != nil {
		return p, fmt.Errorf("%s: %w", modulesFile, err)
	}
	if len(modules) > maxModules {
		return p, fmt.Errorf("%s has %d modules", modulesFile, len(modules))
	}
	for _, m := range modules {
		switch m.Type[strings.LastIndex(m.Type, ".")+1:] {
		case "Transformer":
		case "Normalize":
			p.Normalize = true
		case "Pooling":
			if !fs.ValidPath(m.Path) {
				return p, fmt.Errorf("%s names the folder %q, which is not inside of this one", modulesFile, m.Path)
			}
			if content, err = readFile(dir, path.Join(m.Path, ConfigFile), maxConfig); err != nil {
				return p, err
			}
			if p.Mode, err = poolingMode(content); err != nil {
				return p, fmt.Errorf("%s: %w", path.Join(m.Path, ConfigFile), err)
			}
		default:
			return p, fmt.Errorf("%s has a module of type %s; supported are Transformer, Pooling and Normalize", modulesFile, m.Type)
		}
	}
	return p, nil
}

// poolingMode reads the config.json of a pooling module: flags, of which one must be
// set, or one word.
func poolingMode(content []byte) (string, error) {
	var values map[string]any
	if err := json.Unmarshal(content, &values); err != nil {
		return MeanPooling, fmt.Errorf("not a JSON object: %w", err)
	}
	const flag = "pooling_mode_"
	var chosen []string
	for key, v := range values {
		name, ok := strings.CutPrefix(key, flag)
		if on, _ := v.(bool); ok && on {
			chosen = append(chosen, name)
		}
	}
	if word, ok := values["pooling_mode"].(string); ok {
		chosen = []string{word}
	}
	slices.Sort(chosen)
	modes := map[string]string{
		"mean_tokens": MeanPooling, "mean": MeanPooling, "cls_token": FirstPooling, "cls": FirstPooling,
		"max_tokens": MaxPooling, "max": MaxPooling,
	}
	if len(chosen) != 1 || modes[chosen[0]] == "" {
		return MeanPooling, fmt.Errorf("it pools by %s; supported is one of mean, cls, max", strings.Join(chosen, " and "))
	}
	return modes[chosen[0]], nil
}
