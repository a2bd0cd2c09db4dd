"""Payments over MQTT: three qualities of service, and two hops.

Book: 09-comparison-table
"""
