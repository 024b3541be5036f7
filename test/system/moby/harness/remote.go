package remote

// Is laid beside the remote driver, whose constructor is its own.

import (
	"github.com/moby/moby/v2/daemon/libnetwork/ipamapi"
	"github.com/moby/moby/v2/pkg/plugins"
)

// At is the remote driver in front of the plugin that listens on a socket.
func At(socket string) (ipamapi.Ipam, error) {
	client, err := plugins.NewClient("unix://"+socket, nil)
	if err != nil {
		return nil, err
	}
	return newAllocator("berth", client), nil
}
