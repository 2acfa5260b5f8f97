"""What Coterie is compared with; every peer is one small file behind `peers.base.Peer`."""
