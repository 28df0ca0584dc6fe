// Command pulumi-language-nodejs runs Node.js programs, policy packs and plugins for the Pulumi engine. The published
// language host is not a Go module that can be depended on; this one does what the engine needs to preview, deploy
// and destroy, and none of the code generation.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// host answers the engine at engineAddress until ctx ends.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	ctx           context.Context
	cancel        context.CancelFunc
	engineAddress string
}

func main() {
	if len(os.Args) < 2 {
		cmdutil.Exit(fmt.Errorf("usage: pulumi-language-nodejs [-tracing ADDRESS] ENGINE_ADDRESS; the engine starts it"))
	}
	if err := serve(os.Args[len(os.Args)-1]); err != nil {
		cmdutil.Exit(err)
	}
}

func serve(engineAddress string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := rpcutil.Healthcheck(ctx, engineAddress, 5*time.Minute, cancel); err != nil {
		return fmt.Errorf("watch the engine at %s: %w", engineAddress, err)
	}
	stop := make(chan bool)
	context.AfterFunc(ctx, func() { close(stop) })
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, &host{ctx: ctx, cancel: cancel, engineAddress: engineAddress})
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serve the engine: %w", err)
	}
	// The engine reads the port from the first line.
	fmt.Printf("%d\n", server.Port)
	return <-server.Done
}

// GetPluginInfo tells the version of the engine that this host is built with.
func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Cancel stops the program that runs.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}
