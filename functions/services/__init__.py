"""Services: read state or a loaded model behind a gRPC call, one deployable a folder."""
