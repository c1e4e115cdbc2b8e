package main

import "espalier/models"

// structures are the ways to share, each on the cnn.
var structures = []models.SharingConfig{
	{Method: "soft"},
	{Method: "cross_stitch"},
	{Method: "mmoe", Experts: 3},
	{Method: "dselect_k", Experts: 3, Conditional: true},
	{Method: "cgc", TaskExperts: 1},
	{Method: "ple", Experts: 2, TaskExperts: 2, ExpertHidden: 8},
	{Method: "mtan", Bottleneck: 8},
	{Method: "aitm", Tower: 8},
	{Method: "adapter", Bottleneck: 8},
	{Method: "low_rank"},
	{Method: "adversarial"},
}
