package provider

import (
	"context"
	"errors"

	"github.com/docker/docker/client"
)

type buildOptions struct{}

func canUseBuildx(context.Context, *client.Client) (bool, error) { return false, nil }

func mapBuildAttributesToBuildOptions(map[string]interface{}, string, any) (buildOptions, error) {
	return buildOptions{}, errLeftOut
}

func runBuild(context.Context, any, buildOptions, string) error { return errLeftOut }

var errLeftOut = errors.New("buildx is left out of this build of the docker plugin; the published one has it")
