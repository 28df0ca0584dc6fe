//go:build tools

// Package tools keeps the Pulumi CLI in go.mod and go.sum.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
