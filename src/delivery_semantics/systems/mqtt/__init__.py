"""MQTT, on a mosquitto that is found or started.

Book: 09-comparison-table
"""
