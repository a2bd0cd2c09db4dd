"""gRPC: one call, its attempts, and where the effects of all of them are counted.

Book: 14-grpc
"""
